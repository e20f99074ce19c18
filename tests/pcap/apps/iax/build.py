# SPDX-License-Identifier: GPL-2.0-or-later
# IAX2, RFC 5456: full frames (8.1.1) and information elements (8.6).
import struct
from talk import Captures


def frame(source, destination, out, inn, kind, subclass, body=b"", time=3):
    return struct.pack("!HHIBBBB", 0x8000 | source, destination, time, out, inn, kind, subclass) + body


def element(kind, value):
    return bytes([kind, len(value)]) + value


NEW = element(0x0b, b"\0\2") + element(1, b"600") + element(0x0a, b"en") + element(9, b"\0\0\0\4") + \
    element(8, b"\0\0\4\6")

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("iax", dport=4569) as t:  # a call
        t.client(frame(1, 0, 0, 0, 6, 1, NEW))
        t.server(frame(0x3c5, 1, 0, 1, 6, 7, element(9, b"\0\0\0\4")))
        t.client(frame(1, 0x3c5, 1, 1, 6, 4))
        t.client(b"\0\1\0\x14" + bytes(160))
    with c.udp("iax", dport=4569) as t:  # a registration
        t.client(frame(0x7ffe, 0, 0, 0, 6, 0x0d, element(6, b"alice") + element(0x13, b"\0\x3c")))
    with c.udp("iax", dport=4569) as t:
        t.client(frame(2, 0, 0, 0, 6, 0x1e))
        t.server(frame(9, 2, 0, 1, 6, 3))
    with c.udp("iax", dport=4569) as t:  # from the middle: both sides' numbers
        t.client(frame(5, 6, 17, 20, 6, 0x0b))
        t.server(frame(6, 5, 20, 18, 6, 0x0c))
    with c.udp("iax", dport=4569) as t:  # from the middle: one side
        t.server(frame(5, 6, 17, 20, 2, 4, bytes(33)))
        t.server(frame(5, 6, 18, 20, 6, 2, time=23))

    n = captures.file("not.pcap")
    with n.udp(None, dport=4569) as t:  # one frame from the middle
        t.client(frame(5, 6, 17, 20, 6, 0x0b))
    with n.udp(None, dport=4569) as t:  # sent back, the numbers being the same on both sides
        t.client(frame(5, 5, 0, 0, 6, 0x0b))
        t.server(frame(5, 5, 0, 0, 6, 0x0b))
    with n.udp(None, dport=4569) as t:  # the answer has other numbers
        t.client(frame(5, 6, 17, 20, 6, 2))
        t.server(frame(9, 7, 20, 18, 6, 3))
    with n.udp(None, dport=4569) as t:  # an element that runs out of the datagram
        t.client(frame(1, 0, 0, 0, 6, 1, NEW[:-1]))
    with n.udp(None, dport=4569) as t:  # a version of another size
        t.client(frame(1, 0, 0, 0, 6, 1, element(0x0b, b"\0\0\2")))
    with n.udp(None, dport=4569) as t:  # a mini frame, and nothing before
        t.client(b"\0\1\0\x14" + bytes(160))
    with n.udp(None, dport=4569) as t:  # no frame type
        t.client(frame(1, 0, 0, 0, 13, 1, NEW))
    with n.udp("!iax", dport=4569) as t:  # RTP
        for i in range(3):
            t.client(struct.pack("!BBHII", 0x80, 8, 1 + i, 160 * i, 0x01020604) + bytes(160))
