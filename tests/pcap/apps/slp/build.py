# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 2608, 8 (version 2), RFC 2165, 4.3 (version 1).
import struct
from talk import Captures


def v2(function, body, flags=0, lang=b"en"):
    length = 14 + len(lang) + len(body)
    return (bytes([2, function]) + length.to_bytes(3, "big") + struct.pack("!H", flags) + bytes(3) +
            b"\x12\x34" + struct.pack("!H", len(lang)) + lang + body)


def v1(function, body, encoding=3):
    return struct.pack("!BBHBB2sHH", 1, function, 12 + len(body), 0, 0, b"en", encoding, 7) + body


REQUEST = b"\0\0\0\x17service:directory-agent\0\7default\0\0\0\0"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("slp", dport=427, dst="239.255.255.253") as t:
        t.client(v2(1, REQUEST, 0x2000))
    with c.udp("slp", dport=427, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(v2(1, REQUEST, lang=b"de-DE"))
        t.server(v2(2, b"\0\0\0\0"))
    with c.udp("slp", dport=427) as t:
        t.client(v1(1, b"\0\0\0\x0fprinter//x==y/\0\0"))
    with c.tcp("slp", dport=427) as t:
        t.client(v2(3, b"\0" * 40))
        t.server(v2(5, b"\0\0"))
    n = captures.file("not.pcap")
    with n.udp(None, dport=427) as t:
        t.client(v2(1, REQUEST) + b"\0")
    with n.udp(None, dport=427) as t:
        t.client(v2(1, REQUEST, 0x0001))
    with n.udp(None, dport=427) as t:
        t.client(v2(12, REQUEST))
    with n.udp(None, dport=427) as t:
        t.client(v2(1, REQUEST, lang=b"\1\2"))
    with n.udp(None, dport=427) as t:
        t.client(v1(1, REQUEST, 9999))
    with n.tcp(None, dport=427) as t:
        t.client(b"\2\1" + bytes((i * 41 + 9) & 255 for i in range(60)))
