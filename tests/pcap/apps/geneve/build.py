# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 8926, 3.4.
import struct
from talk import Captures


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip4(payload=b"\x9c\x40\0\x35\0\x0c\0\0test", total=None):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, total or 20 + len(payload), 1, 0, 64, 17, 0, b"\x0a\1\0\1", b"\x0a\1\0\2")
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(payload=b"\x9c\x40\0\x35\0\x0c\0\0test"):
    return struct.pack("!IHBB", 6 << 28, len(payload), 17, 64) + b"\xfd" + bytes(15) + b"\xfd" + bytes(15) + payload


FRAME = bytes.fromhex("020000000002" "020000000001" "0800")

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("geneve", dport=6081) as t:
        t.client(b"\0\0\x65\x58\0\0\x2a\0" + FRAME + ip4())
    with c.udp("geneve", dport=6081, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"\2\x40\x65\x58\0\0\x2a\0" + b"\1\2\x80\1" + bytes(4) + FRAME + ip4())
    with c.udp("geneve", dport=16081) as t:
        t.client(b"\0\0\x08\0\0\0\x2a\0" + ip4())
    n = captures.file("not.pcap")
    with n.udp(None, dport=6081) as t:
        t.client(b"\0\0\x65\x58\0\0\x2a\1" + FRAME + ip4())
    with n.udp(None, dport=6081) as t:
        t.client(b"\0\0\x65\x59\0\0\x2a\0" + FRAME + ip4())
    with n.udp(None, dport=6081) as t:
        t.client(b"\1\0\x65\x58\0\0\x2a\0" + FRAME + ip4())
    with n.udp(None, dport=6081) as t:
        t.client(b"\0\0\x08\0\0\0\x2a\0" + ip4() + b"\0")
