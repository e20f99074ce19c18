# SPDX-License-Identifier: GPL-2.0-or-later
# MS-TDS 2.2.3 (packets), 2.2.6.5 (PRELOGIN), 2.2.6.4 (LOGIN7), 2.2.5.3 (ALL_HEADERS), 2.2.7 (tokens); TDS 5.0 login.
import struct
from talk import Captures

def packet(kind, body, status=1, number=1, size=None):
    return struct.pack(">BBHHBB", kind, status, size or 8 + len(body), 0, number, 0) + body

def prelogin(*options):
    at, head, data = len(options) * 5 + 1, b"", b""
    for token, value in options:
        head += struct.pack(">BHH", token, at + len(data), len(value))
        data += value
    return head + b"\xff" + data

VERSION = (0, bytes.fromhex("0b000c3800 00"))
ASK = prelogin(VERSION, (1, b"\0"), (2, b"MSSQLServer\0"), (3, b"\0\0\x10\0"), (4, b"\0"))
ANSWER = prelogin(VERSION, (1, b"\x02"), (2, b"\0"), (3, b""), (4, b"\0"))
text = lambda s: s.encode("utf-16-le")
LOGIN7 = struct.pack("<IIIII", 94 + 8, 0x74000004, 4096, 7, 100) + bytes(74) + text("host")
field = lambda s: s.ljust(30, b"\0") + bytes([len(s)])
OLD = field(b"host") + field(b"sa") + field(b"secret") + field(b"37876") + bytes(388)
HEADERS = struct.pack("<IIHQI", 22, 18, 2, 0, 1)
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("mssql", dport=1433) as t:
        t.client(packet(18, ASK, number=0))
        t.server(packet(4, ANSWER))
        t.client(packet(16, LOGIN7))
    with c.tcp("mssql", dport=1434, src="2001:db8::2", dst="2001:db8:9::9") as t:  # only the server is seen
        t.server(packet(4, ANSWER))
    with c.tcp("mssql", dport=1433) as t:  # no prelogin: SQL Server 7
        t.client(packet(16, LOGIN7))
    with c.tcp("mssql", dport=4100) as t:  # Sybase
        t.client(packet(2, OLD[:504], status=0))
    with c.tcp("mssql", dport=1433, midstream=True) as t:
        t.client(packet(1, HEADERS + text("select 1")))
    with c.tcp("mssql", dport=1433, midstream=True) as t:  # before 7.2
        t.client(packet(1, text("select name from t\r\n")))
    with c.tcp("mssql", dport=1433, midstream=True) as t:  # sp_executesql by its number
        t.client(packet(3, HEADERS + struct.pack("<HHH", 0xFFFF, 10, 0) + bytes(20)))
    with c.tcp("mssql", dport=1433, midstream=True) as t:  # one environment change, DONE
        t.server(packet(4, b"\xe3\x08\0\x04\x01" + b"4\0" + b"\x01" + b"4\0" + b"\0" + b"\xfd" + struct.pack("<HHQ", 0, 0xC1, 0)))
    with c.tcp("mssql", dport=1433, midstream=True) as t:  # the TLS of a login
        t.server(packet(18, bytes.fromhex("160303004a0200004603 03") + bytes(69)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=1433) as t:  # options that leave a gap
        t.client(packet(18, ASK[:-1] + b"\0\0"))
    with n.tcp(None, dport=1433) as t:  # a window
        t.client(packet(18, ASK)[:7] + b"\x01" + ASK)
    with n.tcp(None, dport=1433) as t:  # a version of no TDS
        t.client(packet(16, struct.pack("<II", 102, 0x55000004) + LOGIN7[8:]))
    with n.tcp(None, dport=1433) as t:
        t.client(packet(2, bytes(range(250)) * 2))
    with n.tcp(None, dport=1433, midstream=True) as t:
        t.client(packet(1, bytes(range(100))))
    with n.tcp(None, dport=1433, midstream=True) as t:  # DONE is not where it should be
        t.server(packet(4, b"\xe3\x08\0\x04\x01" + b"4\0" + b"\x01" + b"4\0" + b"\0" + bytes(13)))
