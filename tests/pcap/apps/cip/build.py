# SPDX-License-Identifier: GPL-2.0-or-later
# CIP Networks Library volume 2, 3-2.2.1: a datagram of class 0 or 1 has a sequenced address and connected data.
import struct
from talk import Captures

def cyclic(number, data, address=0x8002, length=None):
    return struct.pack("<HHHIIHH", 2, address, 8, 0xCB0E8A00, number, 0xB1, len(data) if length is None else length) + data

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("cip", dport=2222, sport=2222) as t:
        t.client(cyclic(1, bytes(38)))
        t.server(cyclic(1, bytes(6)))
    with c.udp("cip", dport=2222, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(cyclic(9, bytes(38))[:30], wire_length=18 + 38)
    n = captures.file("not.pcap")
    with n.udp(None, dport=2222) as t:
        t.client(cyclic(1, bytes(38), address=0x8001))
    with n.udp(None, dport=2222) as t:
        t.client(cyclic(1, bytes(38), length=37))
