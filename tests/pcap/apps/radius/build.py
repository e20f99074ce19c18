# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 2865, 3 (packets), 5 (attributes); RFC 2866 (accounting); RFC 5176 (dynamic authorisation).
import struct
from talk import Captures


def attribute(kind, data):
    return bytes([kind, 2 + len(data)]) + data


def packet(code, number, *attributes, length=None):
    body = b"".join(attributes)
    return struct.pack("!BBH", code, number, 20 + len(body) if length is None else length) + bytes((i * 53 + number) & 255 for i in range(16)) + body


USER = attribute(1, b"somebody")
NAS = attribute(4, b"\xc0\0\2\1")
PORT = attribute(5, b"\0\0\0\1")
CLASS = attribute(25, bytes(range(16)))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("radius", dport=1812) as t:
        t.client(packet(1, 7, USER, attribute(2, bytes(range(16))), NAS, PORT))
        t.server(packet(2, 7))
    with c.udp("radius", dport=1645) as t:                  # an accounting answer is bare; its question is not
        t.client(packet(4, 9, attribute(40, b"\0\0\0\1"), NAS))
        t.server(packet(5, 9))
    with c.udp("radius", dport=1812, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(packet(1, 7, CLASS))
        t.server(packet(3, 7))
    with c.udp("radius", sport=1813, dport=40000) as t:     # answers alone: two of them
        t.client(packet(5, 9))
        t.client(packet(5, 10))
    with c.udp("radius", dport=3799) as t:
        t.client(packet(40, 3, USER, attribute(44, b"0001"), attribute(26, b"\0\0\0\x09\1\6abcd")))
    n = captures.file("not.pcap")
    with n.udp(None, sport=1812, dport=40000) as t:         # too little
        t.client(packet(2, 7))
    with n.udp(None, dport=1812) as t:
        t.client(packet(1, 7, CLASS))
        t.server(packet(5, 7))
    with n.udp(None, dport=1812) as t:
        t.client(packet(1, 7, USER, NAS, PORT) + b"\0")
    with n.udp(None, dport=1812) as t:
        t.client(packet(1, 7, USER, attribute(4, b"\xc0\0\2"), PORT))
    with n.udp(None, dport=1812) as t:
        t.client(packet(99, 7, USER, NAS, PORT))
    with n.udp(None, dport=1812) as t:
        t.client(packet(1, 7, USER, NAS, b"\5\x20ab"))
