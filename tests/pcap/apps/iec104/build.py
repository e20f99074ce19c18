# SPDX-License-Identifier: GPL-2.0-or-later
# IEC 60870-5-104 5.1 (U, S and I frames); 60870-5-101 7.2.1 (types).
import struct
from talk import Captures

def information(send, receive, kind, count, cause, address, objects):
    body = struct.pack("<HHBBBBH", send << 1, receive << 1, kind, count, cause, 0, address) + objects
    return bytes([0x68, len(body)]) + body

u = lambda code: bytes([0x68, 4, code, 0, 0, 0])
s = lambda number: bytes([0x68, 4, 1, 0]) + struct.pack("<H", number << 1)
INTERROGATE = information(0, 0, 100, 1, 6, 1, b"\0\0\0\x14")
FLOATS = information(5, 1, 13, 2, 3, 1, b"\1\0\0" + bytes(5) + b"\2\0\0" + bytes(5))
SEQUENCE = information(6, 1, 1, 0x84, 20, 1, b"\1\0\0" + bytes([0, 1, 0, 1]))
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("iec104", dport=2404) as t:
        t.client(u(0x07))
        t.server(u(0x0B))
        t.client(INTERROGATE)
    with c.tcp("iec104", dport=2405, midstream=True, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(s(23713))
    with c.tcp("iec104", dport=2404, midstream=True) as t:
        t.server(FLOATS)
    with c.tcp("iec104", dport=2404, midstream=True) as t:
        t.server(SEQUENCE)
    n = captures.file("not.pcap")
    with n.tcp(None, dport=2404) as t:  # two functions at once
        t.client(u(0x0F))
    with n.tcp(None, dport=2404) as t:
        t.client(bytes([0x68, 4, 7, 0, 0, 1]))
    with n.tcp(None, dport=2404) as t:  # objects that do not fill it
        t.client(FLOATS[:1] + bytes([FLOATS[1] + 1]) + FLOATS[2:] + b"\0")
    with n.tcp(None, dport=2404) as t:  # IEC 60870-5-101 over TCP begins with the same byte
        t.client(bytes.fromhex("680b0b685301640106010000001489 16"))
