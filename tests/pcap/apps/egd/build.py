# SPDX-License-Identifier: GPL-2.0-or-later
# GE GFK-1541, "EGD data message": 32 bytes of header, then the data.
import struct
from talk import Captures

def message(number, data, kind=13, producer=bytes([192, 168, 8, 77]), zero=0):
    return struct.pack("<BBH4sIIIIII", kind, 1, number, producer, 123, 1700000000, number * 1000, 1, 0, zero) + data

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("egd", dport=18246, sport=18246) as t:
        for n in range(3):
            t.client(message(54484 + n, bytes(100)))
    with c.udp("egd", dport=18246, src="2001:db8::2", dst="2001:db8:9::9") as t:  # one was lost, the count wraps
        t.client(message(65535, bytes(10)))
        t.client(message(1, bytes(10)))
    n = captures.file("not.pcap")
    with n.udp(None, dport=18246) as t:  # one
        t.client(message(1, bytes(100)))
    with n.udp(None, dport=18246) as t:  # no count
        t.client(message(1, bytes(100)))
        t.client(message(900, bytes(100)))
    with n.udp(None, dport=18246) as t:
        t.client(message(1, bytes(100)))
        t.client(message(2, bytes(100), producer=bytes(4)))
    with n.udp(None, dport=18246) as t:
        for i in range(3):
            t.client(message(i, bytes(100), kind=12))
