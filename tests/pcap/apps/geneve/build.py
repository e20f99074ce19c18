# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 8926, 3.4.
from talk import Captures
from talk_inner import ip4


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
