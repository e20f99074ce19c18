# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 6887, 7 (headers and options), 11 (MAP), 12 (PEER), 14.1 (ANNOUNCE).
from talk import Captures

MAPPED = bytes(10) + b"\xff\xff\x0a\0\0\2"
MAP = bytes(range(12)) + b"\6\0\0\0\x1f\x90\x1f\x90" + bytes(10) + b"\xff\xff" + bytes(4)
HEAD = b"\2\1\0\0\0\0\x0e\x10" + MAPPED

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("pcp", dport=5351) as t:
        t.client(HEAD + MAP)
        t.server(b"\2\x81\0\0\0\0\x0e\x10\0\0\0\5" + bytes(12) + MAP)
    with c.udp("pcp", dport=5351, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"\2\2\0\0\0\0\x0e\x10" + bytes.fromhex("20010db8" + "00" * 11 + "02") + MAP + bytes(20))
    with c.udp("pcp", dport=5351) as t:                     # a third party's, and an option
        t.client(HEAD + MAP + b"\1\0\0\x10" + MAPPED)
    with c.udp("pcp", sport=5351, dport=5350, src="192.0.2.9", dst="224.0.0.1") as t:
        t.client(b"\2\x80\0\0" + bytes(8) + bytes(12))
    n = captures.file("not.pcap")
    with n.udp(None, dport=5351) as t:
        t.client(HEAD + MAP + b"\0")
    with n.udp(None, dport=5351) as t:
        t.client(b"\2\1\0\1" + HEAD[4:] + MAP)
    with n.udp(None, dport=5351) as t:
        t.client(b"\2\7\0\0" + HEAD[4:] + MAP)
    with n.udp(None, dport=5351) as t:
        t.client(HEAD + MAP[:13] + b"\1\0\0" + MAP[16:])
    with n.udp(None, dport=5351) as t:
        t.client(HEAD + MAP + b"\1\0\0\x20" + MAPPED)
    with n.udp(None, sport=5351, dport=40000) as t:
        t.client(b"\2\x81\0\0\0\0\x0e\x10\0\0\0\5" + b"\1" * 12 + MAP)
