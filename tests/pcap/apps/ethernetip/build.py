# SPDX-License-Identifier: GPL-2.0-or-later
# CIP Networks Library volume 2, chapter 2: encapsulation (2-3), commands (2-4), common packet format (2-6).
import struct
from talk import Captures

def message(command, body=b"", session=0, status=0, options=0, length=None):
    return struct.pack("<HHII8sI", command, len(body) if length is None else length, session, status, b"context\0", options) + body

items = lambda *each: struct.pack("<H", len(each)) + b"".join(struct.pack("<HH", k, len(d)) + d for k, d in each)
REGISTER = struct.pack("<HH", 1, 0)
SEND = struct.pack("<IH", 0, 10) + items((0, b""), (0xB2, bytes.fromhex("0e0320012401300 1".replace(" ", ""))))
IDENTITY = items((0x0C, bytes(40)))
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("ethernetip", dport=44818) as t:
        t.client(message(0x65, REGISTER))
        t.server(message(0x65, REGISTER, session=7))
    with c.tcp("ethernetip", dport=44819, midstream=True, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(message(0x6F, SEND, session=7))
    with c.tcp("ethernetip", dport=44818, midstream=True) as t:
        t.server(message(0x70, struct.pack("<IH", 0, 0) + items((0xA1, bytes(4)), (0xB1, bytes(12))), session=7))
    with c.tcp("ethernetip", dport=44818) as t:
        t.client(message(0) + message(0x65, REGISTER))
    with c.udp("ethernetip", dport=44818) as t:
        t.client(message(0x63))
        t.server(message(0x63, IDENTITY))
    with c.udp("ethernetip", dport=44818) as t:
        t.client(message(4))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=44818) as t:
        t.client(message(0x65, struct.pack("<HH", 2, 0)))
    with n.tcp(None, dport=44818) as t:
        t.client(message(0x65, REGISTER, options=1))
    with n.tcp(None, dport=44818) as t:  # items that do not end with the message
        t.client(message(0x6F, SEND + b"\0"))
    with n.udp(None, dport=44818) as t:
        t.client(message(0x63, length=1) + b"\0\0")
    with n.udp(None, dport=44818) as t:
        t.client(bytes(24))
