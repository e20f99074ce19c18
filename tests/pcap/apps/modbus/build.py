# SPDX-License-Identifier: GPL-2.0-or-later
# MODBUS Messaging on TCP/IP V1.0b 3.1.3 (MBAP); MODBUS Application Protocol V1.1b3 6 (functions), 7 (exceptions).
import struct
from talk import Captures

def message(transaction, unit, pdu, protocol=0, length=None):
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1 if length is None else length, unit) + pdu

READ = struct.pack(">BHH", 3, 100, 2)
WRITE = struct.pack(">BHHBHH", 16, 1, 2, 4, 10, 20)
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("modbus", dport=502) as t:
        t.client(message(1, 17, READ))
        t.server(message(1, 17, bytes.fromhex("0304000a0014")))
    with c.tcp("modbus", dport=5020, src="2001:db8::2", dst="2001:db8:9::9") as t:  # a loose request, and its exception
        t.client(message(2, 1, struct.pack(">BHH", 6, 1, 3)))
        t.server(message(2, 1, b"\x86\x02"))
    with c.tcp("modbus", dport=502) as t:  # the client alone
        t.client(message(3, 1, WRITE))
    with c.tcp("modbus", dport=502) as t:  # the server alone: two answers
        t.server(message(4, 1, bytes.fromhex("0302000a")) + message(5, 1, bytes.fromhex("0302000b")))
    with c.tcp("modbus", dport=502, midstream=True) as t:  # programming of a controller
        t.client(message(6, 0, bytes.fromhex("5a0002")))
        t.server(message(6, 0, bytes.fromhex("5a00fe0b00")))
    with c.tcp("modbus", dport=502, midstream=True) as t:  # identification
        t.client(message(7, 0, bytes.fromhex("2b0e0100")))
    with c.udp("modbus", dport=502) as t:
        t.client(message(8, 1, READ))
    with c.udp("modbus", dport=502) as t:
        t.client(message(9, 1, struct.pack(">BHH", 6, 1, 3)))
        t.server(message(9, 1, struct.pack(">BHH", 6, 1, 3)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=502) as t:  # another protocol's number
        t.client(message(1, 1, READ, protocol=1))
    with n.tcp(None, dport=502) as t:  # how many that is more than there may be
        t.client(message(1, 1, struct.pack(">BHH", 3, 100, 2000)))
    with n.tcp(None, dport=502) as t:  # one answer
        t.server(message(4, 1, bytes.fromhex("0302000a")))
    with n.tcp(None, dport=502) as t:  # an answer to something else
        t.client(message(2, 1, struct.pack(">BHH", 6, 1, 3)))
        t.server(message(9, 1, struct.pack(">BHH", 6, 1, 3)))
    with n.tcp(None, dport=502) as t:  # no such function
        t.client(message(1, 1, b"\x70\0\1"))
    with n.udp(None, dport=502) as t:  # longer than it says
        t.client(message(8, 1, READ) + b"\0")
