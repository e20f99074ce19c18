# SPDX-License-Identifier: GPL-2.0-or-later
# Omron FINS Commands Reference Manual (W227) 3-2, and Ethernet Unit manual (W421) 7-4 (FINS/TCP).
import struct
from talk import Captures

tcp = lambda command, body, word=b"FINS": word + struct.pack(">III", 8 + len(body), command, 0) + body
def udp(kind, to, source, number, command, body=b"", zero=0):
    return bytes([kind, zero, 2]) + to + source + bytes([number]) + struct.pack(">H", command) + body

A, B = bytes([0, 1, 0]), bytes([0, 200, 0])
READ = bytes.fromhex("820064000002")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("fins", dport=9600) as t:
        t.client(tcp(0, struct.pack(">I", 0)))
        t.server(tcp(1, struct.pack(">II", 200, 1)))
    with c.udp("fins", dport=9600, sport=9600) as t:
        t.client(udp(0x80, A, B, 7, 0x0101, READ))
        t.server(udp(0xC0, B, A, 7, 0x0101, bytes(6)))
    with c.udp("fins", dport=9601, src="2001:db8::2", dst="2001:db8:9::9") as t:  # the answer is seen first
        t.server(udp(0xC0, B, A, 7, 0x0501, bytes(6)))
        t.client(udp(0x80, A, B, 7, 0x0501))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=9600) as t:
        t.client(tcp(0, bytes(4), word=b"FIND"))
    with n.udp(None, dport=9600) as t:  # one datagram is not enough
        t.client(udp(0x80, A, B, 7, 0x0101, READ))
    with n.udp(None, dport=9600) as t:  # another number
        t.client(udp(0x80, A, B, 7, 0x0101, READ))
        t.server(udp(0xC0, B, A, 8, 0x0101, bytes(6)))
    with n.udp(None, dport=9600) as t:
        t.client(udp(0x80, A, B, 7, 0x0101, READ, zero=1))
        t.server(udp(0xC0, B, A, 7, 0x0101, bytes(6), zero=1))
