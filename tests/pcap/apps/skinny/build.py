# SPDX-License-Identifier: GPL-2.0-or-later
# Skinny Client Control Protocol: length of the rest, header version, message number, little-endian.
import struct
from talk import Captures


def message(number, body=b"", version=0):
    return struct.pack("<III", 4 + len(body), version, number) + body


NAME = b"SEP001122AABBCC\0"
REGISTER = message(1, NAME + bytes(4) + struct.pack("<III", 1, 0x0a000002, 7) + bytes(16))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("skinny", dport=2000) as t:  # a phone registers
        t.client(REGISTER)
        t.server(message(0x81, struct.pack("<I", 30) + b"M/D/YA\0\0" + struct.pack("<I", 30)))
    with c.tcp("skinny", dport=2000, midstream=True) as t:  # both sides, from the middle
        t.client(message(0x26, struct.pack("<III", 1, 0, 0), 20))
        t.server(message(0x85, struct.pack("<IIII", 1, 1, 0, 0), 20))
    with c.tcp("skinny", dport=2000, midstream=True) as t:  # the server alone, several in a segment
        t.server(message(0x111, struct.pack("<IIIIII", 4, 1, 0x12e364b, 0, 4, 0), 20)
                 + message(0x110, struct.pack("<IIII", 1, 1, 0x12e364b, 3), 20))
    with c.tcp("skinny", dport=2000, midstream=True) as t:
        t.client(message(0x25, struct.pack("<I", 5)))
        t.client(message(0x06, struct.pack("<III", 1, 2, 3)))

    n = captures.file("not.pcap")
    with n.tcp(None, dport=2000) as t:  # keepalives alone are zeros and a length
        t.client(message(0))
        t.server(message(0x100)[:8])
    with n.tcp("!skinny", dport=2000) as t:  # MongoDB's header: the length counts itself
        t.client(struct.pack("<IIII", 16 + 20, 20, 0, 2004) + bytes(20))
    with n.tcp("!skinny", dport=2000) as t:  # numbers that no message has
        t.client(message(0x70, bytes(8), 20))
        t.server(message(0x75, bytes(8), 20))
    with n.tcp("!skinny", dport=2000) as t:  # version 5
        t.client(message(1, bytes(8), 5))
        t.server(message(0x81, bytes(8), 5))
    with n.tcp(None, dport=2000) as t:  # one message that stays alone
        t.client(message(0x26, bytes(12), 20))
    with n.tcp("!skinny", dport=2000) as t:
        t.client(b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0")
