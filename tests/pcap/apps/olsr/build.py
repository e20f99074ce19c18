# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 3626, 3.3 (packets), 6.1 (HELLO), 9.1 (TC).
import struct
from talk import Captures


def message(kind, body, ttl=1, hops=0, size=None):
    return struct.pack("!BBH4sBBH", kind, 0x86, 12 + len(body) if size is None else size, b"\x0a\0\0\2", ttl, hops, 7) + body


def packet(*messages, extra=0):
    body = b"".join(messages)
    return struct.pack("!HH", 4 + len(body) + extra, 9) + body


HELLO = message(1, b"\0\0\5\3" + struct.pack("!BBH4s", 6, 0, 8, b"\x0a\0\0\3"))
TC = message(2, struct.pack("!HH4s", 5, 0, b"\x0a\0\0\3"), ttl=255)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("olsr", sport=698, dport=698, dst="10.0.0.255") as t:
        t.client(packet(HELLO, TC))
    with c.udp("olsr", sport=698, dport=698, dst="10.0.1.255") as t:
        t.client(packet(TC, message(4, b"\x0a\1\0\0\xff\xff\0\0", 254, 1)))
    n = captures.file("not.pcap")
    with n.udp(None, sport=698, dport=698) as t:
        t.client(packet(HELLO, TC, extra=1))
    with n.udp(None, sport=698, dport=699) as t:
        t.client(packet(message(1, b"\0\0\5\3", ttl=3)))
    with n.udp(None, sport=698, dport=700) as t:
        t.client(packet(message(9, b"\0\0\5\3")))
    with n.udp(None, sport=698, dport=701) as t:
        t.client(packet(message(1, b"\0\0\5\3", size=20)))
