# SPDX-License-Identifier: GPL-2.0-or-later
# IEEE 1815 (DNP3) 9.2: 05 64, length, control, destination, source, CRC (0x3D65, reflected, inverted).
import struct
from talk import Captures

def crc(data):
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA6BC if value & 1 else value >> 1
    return struct.pack("<H", value ^ 0xFFFF)

def frame(control, destination, source, data=b"", start=b"\x05\x64"):
    head = start + struct.pack("<BBHH", 5 + len(data), control, destination, source)
    return head + crc(head) + b"".join(data[i:i + 16] + crc(data[i:i + 16]) for i in range(0, len(data), 16))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("dnp3", dport=20000) as t:  # read class 1, 2, 3
        t.client(frame(0xC4, 1, 100, bytes.fromhex("c0c0013c02063c03063c0406")))
        t.server(frame(0x44, 100, 1, bytes.fromhex("c0c0810000")))
    with c.tcp("dnp3", dport=19999, midstream=True, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(frame(0x44, 100, 1, bytes(40)))
    with c.udp("dnp3", dport=20000) as t:  # reset of the link
        t.client(frame(0xC0, 1, 100))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=20000) as t:
        t.client(frame(0xC0, 1, 100)[:9] + b"\x55")
    with n.udp(None, dport=20000) as t:
        t.client(frame(0xC0, 1, 100, start=b"\x05\x65"))
    with n.udp(None, dport=20000) as t:
        t.client(frame(0xC0, 1, 100)[:9])
