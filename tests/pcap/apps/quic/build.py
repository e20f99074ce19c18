# SPDX-License-Identifier: GPL-2.0-or-later
# Google's QUIC before the standard: draft-hamilton-early-deployment-quic-00 (public header, frames)
# and "QUIC Crypto" (the tagged message CHLO). Standard QUIC has captures of its own, recorded: ../../quic.
import struct

from talk import Captures

CID = bytes.fromhex("0123456789abcdef")


def chlo(*tags):
    head, values, end = b"", b"", 0
    for name, value in tags:
        end += len(value)
        head += name.ljust(4, b"\0") + struct.pack("<I", end)
        values += value
    return b"CHLO" + struct.pack("<HH", len(tags), 0) + head + values


HELLO = chlo((b"PAD", b"-" * 300), (b"SNI", b"www.example.org"), (b"VER", b"Q039"))
HASH = bytes(range(100, 112))
STREAM = b"\xa0\x01" + struct.pack(">H", len(HELLO)) + HELLO  # stream 1, with its length


def public(version, flags, number=b"\x01"):
    return bytes([flags]) + CID + version + number


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("quic", dport=443) as t:  # eight bytes of connection ID, older flags
        t.client(public(b"Q035", 0x0D) + HASH + STREAM + bytes(200))
        t.server(b"\x08" + CID + b"\x01" + HASH + bytes(40))
    with c.udp("quic", dport=443) as t:
        t.client(public(b"Q039", 0x09) + HASH + STREAM)
    with c.udp("quic", dport=8443, src="2001:db8::2", dst="2001:db8:9::9") as t:  # a packet number of four bytes
        t.client(public(b"Q043", 0x29, bytes(3) + b"\x01") + HASH + STREAM)
    with c.udp("quic", dport=443) as t:  # a long header with the older protection
        t.client(b"\xc3Q046\x50" + CID + struct.pack(">I", 1) + HASH + STREAM)
    with c.udp("quic", dport=443) as t:  # cut by a snap length behind the first tags
        whole = public(b"Q043", 0x09) + HASH + STREAM
        t.client(whole[:70], wire_length=len(whole))

    n = captures.file("not.pcap")
    with n.udp(None, dport=443) as t:  # the version, but no hello
        t.client(public(b"Q039", 0x09) + HASH + bytes(300))
        t.client(public(b"Q039", 0x09, b"\x02") + HASH + bytes(300))
    with n.udp(None, dport=443) as t:  # no version
        t.client(b"\x08" + CID + b"\x01" + HASH + STREAM)
    with n.udp(None, dport=443) as t:  # a version of nobody
        t.client(public(b"R039", 0x09) + HASH + STREAM)
    with n.udp(None, dport=443) as t:  # offsets that run backwards
        broken = HELLO[:20] + struct.pack("<I", 1) + HELLO[24:]
        t.client(public(b"Q039", 0x09) + HASH + b"\xa0\x01\x01\x60" + broken)
    with n.udp(None, dport=443) as t:  # no tags at all
        t.client(public(b"Q039", 0x09) + HASH + b"\xa0\x01CHLO" + bytes(60))
