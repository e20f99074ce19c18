# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 7348, 5.
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


def frame(kind, data):
    return bytes.fromhex("020000000002" "020000000001") + struct.pack("!H", kind) + data


HEAD = b"\x08\0\0\0\0\0\x2a\0"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("vxlan", dport=4789) as t:
        t.client(HEAD + frame(0x0800, ip4()))
    with c.udp("vxlan", dport=8472, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(HEAD + frame(0x86DD, ip6()))
    with c.udp("vxlan", dport=4789) as t:
        t.client(HEAD + frame(0x0806, bytes.fromhex("0001080006040001") + bytes(20)))
    with c.udp("vxlan", dport=4789) as t:
        t.client(HEAD + frame(0x8100, b"\0\x07\x08\0" + ip4(bytes(26))))
    n = captures.file("not.pcap")
    with n.udp(None, dport=4789) as t:
        t.client(b"\x08\0\0\1\0\0\x2a\0" + frame(0x0800, ip4()))
    with n.udp(None, dport=4789) as t:
        t.client(b"\x88" + HEAD[1:] + frame(0x0800, ip4()))
    with n.udp(None, dport=4789) as t:
        t.client(HEAD + frame(0x1234, ip4()))
    with n.udp(None, dport=4789) as t:
        t.client(HEAD + frame(0x0800, ip4(total=90)))
    with n.udp(None, dport=4789) as t:                      # a group sends nothing
        t.client(HEAD + b"\2\0\0\0\0\2\3\0\0\0\0\1\x08\0" + ip4())
