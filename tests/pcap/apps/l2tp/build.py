# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 2661, 3.1 (header), 4.1 (AVPs), 5.4 (data carry PPP frames: RFC 1661, 1662); RFC 3931 (version 3).
import struct
from talk import Captures


def avp(attribute, value, mandatory=0x8000):
    return struct.pack("!HHH", mandatory | 6 + len(value), 0, attribute) + value


def control(kind, ids, body=b"", version=2):
    rest = ids + struct.pack("!HH", 0, 0) + (avp(0, struct.pack("!H", kind)) if kind else b"") + body
    return struct.pack("!HH", 0xc800 | version, 4 + len(rest)) + rest


ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 48, 1, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])) + bytes(28)
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("l2tp", sport=1701, dport=1701) as t:
        t.client(control(1, bytes(4), avp(2, b"\x01\0") + avp(7, b"lac.example.org")))
        t.server(control(2, b"\0\x07\0\0", avp(2, b"\x01\0")))
    with c.udp("l2tp", dport=1701, src="2001:db8::2", dst="2001:db8:9::9") as t:  # version 3
        t.client(control(1, bytes(4), version=3))
    with c.udp("l2tp", dport=1701) as t:  # an acknowledgement first
        t.server(control(0, b"\0\x07\0\0"))
        t.server(control(6, b"\0\x07\0\0"))
    with c.udp("l2tp", dport=1701) as t:  # data: LCP, then IP
        t.client(b"\0\x02\0\x07\0\x01\xff\x03\xc0\x21\x01\x01\0\x0e\x01\x04\x05\xdc\x05\x06\x01\x02\x03\x04")
    with c.udp("l2tp", dport=1701) as t:  # data with a length, from the middle
        frame = b"\0\x07\0\x01\xff\x03\0\x21" + ip
        t.server(struct.pack("!HH", 0x4002, 4 + len(frame)) + frame)
    with c.ip("l2tp", 115) as t:  # version 3 as a protocol of its own
        t.client(struct.pack("!I", 0x1234) + bytes(40))
    n = captures.file("not.pcap")
    with n.udp(None, dport=1701) as t:  # the length is not the datagram's
        t.client(control(1, bytes(4)) + b"\0")
    with n.udp(None, dport=1701) as t:  # the first attribute is not the type
        t.client(struct.pack("!HH", 0xc802, 20) + bytes(8) + avp(7, b"\0\x01"))
    with n.udp(None, dport=1701) as t:  # an acknowledgement alone
        t.client(control(0, b"\0\x07\0\0"))
    with n.udp(None, dport=1701) as t:  # what PPP carries is longer than the datagram
        t.client(b"\0\x02\0\x07\0\x01\xff\x03\0\x21" + ip[:-1])
    with n.udp(None, dport=1701) as t:  # a Cisco router's L2F, version 1
        t.client(b"\xc0\x01" + bytes(30))
