# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 8907, 4.1 (header); bodies are obfuscated (4.5).
import struct
from talk import Captures


def packet(sequence, session=0x1234ABCD, version=0xC0, kind=1, flags=0, length=33):
    return struct.pack("!BBBBII", version, kind, sequence, flags, session, length) + bytes((i * 53 + 7) & 255 for i in range(length))


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("tacacs", dport=49) as t:
        t.client(packet(1))
        t.server(packet(2))
    with c.tcp("tacacs", dport=4949, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(packet(1, version=0xC1, kind=2, flags=4))
        t.server(packet(2, version=0xC1, kind=2, flags=4, length=18))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=49) as t:                        # nobody answers
        t.client(packet(1))
    with n.tcp(None, dport=49) as t:
        t.client(packet(1))
        t.server(packet(2, session=0x1234ABCE))
    with n.tcp(None, dport=49) as t:
        t.client(packet(3))
        t.server(packet(4))
    with n.tcp(None, dport=49) as t:
        t.client(packet(1, version=0xD0))
        t.server(packet(2, version=0xD0))
    with n.tcp(None, dport=49) as t:
        t.client(packet(1, kind=4))
        t.server(packet(2, kind=4))
