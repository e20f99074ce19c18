# SPDX-License-Identifier: GPL-2.0-or-later
# 3GPP TS 29.281, 5.1 (GTP-U); TS 29.060, 6 (GTP-C 1); TS 29.274, 5.1 and 8.2 (GTP-C 2).
import struct
from talk import Captures
from talk_inner import ip4, ip6


def one(kind, body, flags=0x30, tunnel=0x1234, extra=0):
    return struct.pack("!BBHI", flags, kind, len(body) + extra, tunnel) + body


def two(kind, elements, extra=0):
    return struct.pack("!BBHI", 0x48, kind, 8 + len(elements) + extra, 0x1234) + b"\0\0\7\0" + elements


def element(kind, data):
    return struct.pack("!BHB", kind, len(data), 0) + data


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("gtp", dport=2152) as t:
        t.client(one(255, ip4()))
    with c.udp("gtp", dport=2152) as t:                     # with a sequence, and an extension of 5G
        t.client(one(255, b"\0\7\0\x85\1\0\x09\0" + ip6(), flags=0x36))
    with c.udp("gtp", dport=2152, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(one(1, b"\0\7\0\0", flags=0x32, tunnel=0))
        t.server(one(2, b"\0\7\0\0\x0e\0", flags=0x32, tunnel=0))
    with c.udp("gtp", dport=2123) as t:                     # create a session
        t.client(two(32, element(1, b"\x62\x02\x81\0\0\0\0\xf1") + element(71, b"\3net")))
    with c.udp("gtp", dport=2123) as t:                     # create a context
        t.client(one(16, b"\0\7\0\0" + b"\x0e\1\x0f\xfc", flags=0x32, tunnel=0))
    n = captures.file("not.pcap")
    with n.udp(None, dport=2152) as t:
        t.client(one(255, ip4(), extra=1))
    with n.udp(None, dport=2152) as t:
        t.client(one(255, ip4(total=90)))
    with n.udp(None, dport=2152) as t:
        t.client(one(255, bytes(range(40))))
    with n.udp(None, dport=2123) as t:
        t.client(two(32, element(1, b"abc") + b"\2"))
    with n.udp(None, dport=2123) as t:
        t.client(two(32, element(1, b"abc"), extra=1))
    with n.udp(None, dport=2123) as t:
        t.client(one(1, b"\0\7\0\0", flags=0x30, tunnel=5))
