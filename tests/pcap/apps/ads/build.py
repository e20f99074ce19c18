# SPDX-License-Identifier: GPL-2.0-or-later
# Beckhoff Infosys, "AMS/TCP packet", "AMS header"; the search for routers over UDP 48899.
import struct
from talk import Captures

def message(command, flags, data, total=None, size=None, zero=0):
    ams = bytes([5, 13, 117, 96, 1, 1]) + struct.pack("<H", 851) + bytes([192, 168, 1, 99, 1, 1]) + struct.pack("<H", 32905)
    ams += struct.pack("<HHIII", command, flags, len(data) if size is None else size, 0, 1) + data
    return struct.pack("<HI", zero, len(ams) if total is None else total) + ams

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("ads", dport=48898) as t:  # read device info
        t.client(message(1, 4, b""))
        t.server(message(1, 5, bytes(24)))
    with c.tcp("ads", dport=48899, midstream=True, src="2001:db8::2", dst="2001:db8:9::9") as t:  # a notification
        t.server(message(8, 4, bytes(48)))
    with c.udp("ads", dport=48899) as t:
        t.client(bytes.fromhex("036614710000000001000000") + bytes(12))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=48898) as t:
        t.client(message(1, 4, bytes(4), size=5))
    with n.tcp(None, dport=48898) as t:
        t.client(message(10, 4, b""))
    with n.tcp(None, dport=48898) as t:
        t.client(message(1, 4, b"", zero=1))
    with n.udp(None, dport=48899) as t:
        t.client(bytes.fromhex("036614720000000001000000"))
