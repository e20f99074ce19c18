# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 7348, 5.
import struct
from talk import Captures
from talk_inner import ip4, ip6


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
