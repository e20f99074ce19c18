# SPDX-License-Identifier: GPL-2.0-or-later
# IEEE C37.118.2 6.2: AA, kind and version, size, id, time, fraction, data, CRC-CCITT.
import struct
from talk import Captures

def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return struct.pack(">H", value)

def frame(kind, data, bad=False):
    body = struct.pack(">BBHHII", 0xAA, kind << 4 | 1, 16 + len(data), 7, 1149580800, 0) + data
    return body + (b"\0\0" if bad else crc(body))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("c37.118", dport=4713) as t:
        t.client(frame(4, struct.pack(">H", 2)))
        t.server(frame(0, bytes(36)))
    with c.tcp("c37.118", dport=4712, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(frame(4, struct.pack(">H", 5)))
    n = captures.file("not.pcap")
    with n.udp(None, dport=4713) as t:
        t.client(frame(4, struct.pack(">H", 2), bad=True))
    with n.udp(None, dport=4713) as t:
        t.client(frame(4, struct.pack(">H", 2)) + b"\0")
