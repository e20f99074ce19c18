# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 5415, 4.2 (preamble), 4.3 (header), 4.5 (control messages), 4.6 (elements).
import struct
from talk import Captures

HEADER = b"\0\x10\2\0\0\0\0\0"


def element(kind, data):
    return struct.pack("!HH", kind, len(data)) + data


def message(kind, *elements, extra=0):
    body = b"".join(elements)
    return struct.pack("!IBHB", kind, 7, 3 + len(body) + extra, 0) + body


DISCOVERY = element(20, b"\0") + element(38, bytes(20)) + element(39, bytes(12)) + element(41, b"\2")

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("capwap", dport=5246, dst="255.255.255.255") as t:
        t.client(HEADER + message(1, DISCOVERY))
    with c.udp("capwap", dport=5246) as t:
        t.client(b"\1\0\0\0" + b"\x16\xfe\xff" + bytes(8) + b"\0\x20" + bytes(32))
        t.server(b"\1\0\0\0" + b"\x16\xfe\xff" + bytes(8) + b"\0\x20" + bytes(32))
    n = captures.file("not.pcap")
    with n.udp(None, dport=5246) as t:
        t.client(HEADER + message(1, DISCOVERY, extra=1))
    with n.udp(None, dport=5246) as t:
        t.client(HEADER + message(99, DISCOVERY))
    with n.udp(None, dport=5246) as t:
        t.client(HEADER + message(1, DISCOVERY + b"\0\x14\0\x09"))
    with n.udp(None, dport=5246) as t:
        t.client(b"\1\0\0\1" + b"\x16\xfe\xff" + bytes(8) + b"\0\x20" + bytes(32))
    with n.udp(None, dport=5247) as t:                      # data: nothing to hold on to
        t.client(HEADER + b"\x08\2" + bytes(40))
