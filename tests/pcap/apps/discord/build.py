# SPDX-License-Identifier: GPL-2.0-or-later
# Discord's voice servers: IP discovery (developers' documentation, "Voice Connections"), keepalives.
import struct
from talk import Captures

SSRC = struct.pack("!I", 44259)


def tell(address, port=40001):
    return b"\0\2\0\x46" + SSRC + address.ljust(64, b"\0") + struct.pack("!H", port)


ASK = b"\0\1\0\x46" + SSRC + bytes(66)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("discord", dport=50004) as t:
        t.client(ASK)
        t.server(tell(b"192.0.2.77"))
        t.client(b"\x90\xf8" + bytes(40))
    with c.udp("discord", dport=50005) as t:  # the port of the question may be anything
        t.client(ASK[:-2] + b"\x6f\x74")
    with c.udp("discord", dport=50006) as t:
        t.server(tell(b"2001:db8::77"))
    with c.udp("discord", dport=50007) as t:
        t.client(bytes.fromhex("1337cafe01000000"))
        t.server(bytes.fromhex("1337cafe01000000"))

    n = captures.file("not.pcap")
    with n.udp(None, dport=50004) as t:  # not echoed
        t.client(bytes.fromhex("1337cafe01000000"))
        t.server(bytes.fromhex("1337cafe02000000"))
    with n.udp(None, dport=50004) as t:  # something where the zeros are
        t.client(b"\0\1\0\x46" + SSRC + bytes(20) + b"\1" + bytes(45))
    with n.udp(None, dport=50004) as t:  # no address
        t.server(tell(b"some.where"))
    with n.udp(None, dport=50004) as t:  # one byte short
        t.client(ASK[:-1])
