# SPDX-License-Identifier: GPL-2.0-or-later
# The Open Group, DRDA volume 3 (DDM): DSS, EXCSAT (1041) and EXCSATRD (1443), ACCSEC (106D).
import struct
from talk import Captures

parameter = lambda code, data: struct.pack(">HH", 4 + len(data), code) + data
def request(code, body, kind=0x41, number=1, inner=None):
    size = 10 + len(body)
    return struct.pack(">HBBHHH", size, 0xD0, kind, number, size - 6 if inner is None else inner, code) + body

ebcdic = lambda s: s.encode("cp500")
EXCHANGE = request(0x1041, parameter(0x115E, ebcdic("db2jcc_app")) + parameter(0x1404, bytes.fromhex("14030007")))
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("drda", dport=50000) as t:
        t.client(EXCHANGE + request(0x106D, parameter(0x11A2, b"\0\3"), kind=1, number=2))
        t.server(request(0x1443, parameter(0x1147, ebcdic("QDB2/LINUXX8664")), kind=0x42))
    with c.tcp("drda", dport=446, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(request(0x1443, parameter(0x1147, ebcdic("Apache Derby")), kind=2))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=50000) as t:
        t.client(request(0x1041, parameter(0x115E, bytes(8)), inner=9))
    with n.tcp(None, dport=50000) as t:
        t.client(request(0x1041, parameter(0x115E, bytes(8)) + b"\0\1"))
    with n.tcp(None, dport=50000) as t:
        t.client(request(0x7777, parameter(0x115E, bytes(8))))
