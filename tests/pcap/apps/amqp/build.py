# SPDX-License-Identifier: GPL-2.0-or-later
# AMQP 0-9-1 4.2.2 (protocol header), 4.2.3 (frames); AMQP 1.0 2.2, 2.3, 2.7.
import struct
from talk import Captures

frame = lambda kind, channel, body, end=0xCE: struct.pack(">BHI", kind, channel, len(body)) + body + bytes([end])
START = struct.pack(">HHBBI", 10, 10, 0, 9, 0) + struct.pack(">I", 5) + b"PLAIN" + struct.pack(">I", 5) + b"en_US"
def performative(code, body=b"", channel=0, doff=2, kind=0):
    body = bytes([0, 0x53, code, 0xC0, len(body) + 1, 0]) + body
    return struct.pack(">IBBH", 8 + len(body), doff, kind, channel) + body

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("amqp", dport=5672) as t:
        t.client(b"AMQP\0\0\x09\x01")
        t.server(frame(1, 0, START))
    with c.tcp("amqp", dport=5673, src="2001:db8::2", dst="2001:db8:9::9") as t:  # 1.0 behind SASL
        t.client(b"AMQP\x03\x01\0\0")
        t.server(b"AMQP\x03\x01\0\0")
    with c.tcp("amqp", dport=5672) as t:  # 0-8
        t.client(b"AMQP\x01\x01\x08\0")
    with c.tcp("amqp", dport=5672) as t:  # the server alone
        t.server(frame(1, 0, START))
    with c.tcp("amqp", dport=5672, midstream=True) as t:  # basic.publish, its header and content
        t.client(frame(1, 1, struct.pack(">HHH", 60, 40, 0) + b"\0\x05queue\0") +
                 frame(2, 1, struct.pack(">HHQH", 60, 0, 5, 0)) + frame(3, 1, b"hello"))
    with c.tcp("amqp", dport=5672, midstream=True) as t:
        t.client(frame(8, 0, b""))
    with c.tcp("amqp", dport=5672, midstream=True) as t:
        t.server(performative(0x14, bytes(20)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=5672) as t:
        t.client(b"AMQP\x07\x07\x07\x07")
    with n.tcp(None, dport=5672) as t:  # another last octet
        t.server(frame(1, 0, START, end=0xCF))
    with n.tcp(None, dport=5672, midstream=True) as t:  # content alone
        t.client(frame(3, 1, b"hello"))
    with n.tcp(None, dport=5672, midstream=True) as t:  # no such class
        t.client(frame(1, 1, struct.pack(">HHH", 63, 40, 0)))
    with n.tcp(None, dport=5672, midstream=True) as t:
        t.server(performative(0x44, bytes(20)))
