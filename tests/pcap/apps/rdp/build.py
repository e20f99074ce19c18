# SPDX-License-Identifier: GPL-2.0-or-later
# TPKT: RFC 1006, 6. X.224's CR and CC: ITU-T X.224, 13.3 and 13.4. What RDP puts behind them:
# MS-RDPBCGR 2.2.1.1 and 2.2.1.2; MCS with GCC user data: 2.2.1.3, 2.2.1.4. Over UDP: MS-RDPEUDP 2.2.
import struct
from talk import Captures


def x224(code, data=b"", src=0):
    body = bytes([6 + len(data), code]) + struct.pack("!HHB", 0, src, 0) + data
    return b"\x03\x00" + struct.pack("!H", 4 + len(body)) + body


def data(body):
    return b"\x03\x00" + struct.pack("!H", 7 + len(body)) + b"\x02\xf0\x80" + body


def negotiation(kind, flags, value):
    return struct.pack("<BBHI", kind, flags, 8, value)


TLS = bytes.fromhex("16030100050100000100")
cookie = b"Cookie: mstshash=operator\r\n"
syn = bytes.fromhex("ffffffff00401801 1234abcd 04d004d0") + bytes(range(16)) + bytes(16) + bytes.fromhex("00010101")
synack = bytes.fromhex("1234abcd00401005 0a0b0c0d 04d004d0 00010101")

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("rdp", dport=3389) as t:
        t.client(x224(0xe0, negotiation(1, 0, 0x0b)))
        t.server(x224(0xd0, negotiation(2, 0x1f, 8), 0x1234))
        t.client(TLS)
    with c.tcp("rdp", dport=3390) as t:  # a cookie, then the request with correlation info
        t.client(x224(0xe0, cookie + negotiation(1, 8, 3) + struct.pack("<BBH", 6, 0, 36) + bytes(range(1, 33))))
        t.server(x224(0xd0, negotiation(3, 0, 5)))
    with c.tcp("rdp", dport=3389) as t:  # 5.0: a cookie alone
        t.client(x224(0xe0, cookie))
        t.server(x224(0xd0, src=0x1234))
    with c.tcp("rdp", dport=3389, src="2001:db8::2", dst="2001:db8:9::9") as t:  # 4.0: nothing at all
        t.client(x224(0xe0))
        t.server(x224(0xd0, src=0x1234))
        t.client(data(b"\x7f\x65\x82\x01\x00\x04\x01\x01" + bytes(60) + b"Duca" + bytes(40)))
        t.server(data(b"\x7f\x66\x82\x01\x00\x0a\x01\x00" + bytes(60) + b"McDn" + bytes(40)))
    with c.tcp("rdp", dport=3389) as t:  # only the server is seen
        t.server(x224(0xd0, negotiation(2, 0, 1), 0x1234))
    with c.udp("rdp", dport=3389) as t:
        t.client(syn.ljust(1232, b"\0"))
        t.server(synack.ljust(1232, b"\0"))
    with c.udp("rdp", dport=3391) as t:  # cut by a snap length
        t.client(syn[:60], 1232)
    with c.udp("rdp", dport=3389) as t:  # from the middle
        t.client(bytes.fromhex("109760330400000c00010000e65f846de65f846d16030301061000010201") + bytes(range(90)))
    n = captures.file("not.pcap")
    with n.tcp("!rdp", dport=3389) as t:  # S7 and MMS begin with X.224 too
        t.client(x224(0xe0, bytes.fromhex("c0010ac1020100c2020102")))
        t.server(x224(0xd0, bytes.fromhex("c0010ac1020100c2020102"), 5))
        t.client(data(bytes.fromhex("32010000000000080000f0000001000101e0")))
    with n.tcp("!rdp", dport=3389) as t:  # T.120 conferencing: no Duca
        t.client(x224(0xe0))
        t.server(x224(0xd0, src=1))
        t.client(data(b"\x7f\x65\x82\x01\x00\x04\x01\x01" + bytes(600)))
        t.server(data(b"\x7f\x66\x82\x01\x00\x0a\x01\x00" + bytes(600)))
    with n.tcp("!rdp", dport=3389) as t:  # the length does not add up
        t.client(x224(0xe0, negotiation(1, 0, 3))[:2] + b"\x00\x14" + x224(0xe0, negotiation(1, 0, 3))[4:] + b"\0")
    with n.tcp("!rdp", dport=3389) as t:
        t.client(x224(0xe0, struct.pack("<BBHI", 1, 0x40, 8, 3)))
    with n.udp("!rdp", dport=3389) as t:  # all ones, and no zeros behind
        t.client(bytes.fromhex("ffffffff00401801 1234abcd 04d004d0") + bytes(i * 7 & 255 for i in range(1216)))
    with n.udp("!rdp", dport=3389) as t:  # no MTU
        t.client(bytes.fromhex("ffffffff00401801 1234abcd 00000000").ljust(1232, b"\0"))
    with n.udp("!rdp", dport=3389) as t:  # the two numbers differ
        t.client(bytes.fromhex("109760330400000c00010000e65f846de65f846e16030301061000010201") + bytes(range(90)))
