# SPDX-License-Identifier: GPL-2.0-or-later
# Apache Thrift doc/specs: thrift-binary-protocol.md (strict), thrift-compact-protocol.md.
import struct
from talk import Captures

def strict(kind, name, body=b"\0", version=b"\x80\x01\0"):
    return version + bytes([kind]) + struct.pack(">I", len(name)) + name + struct.pack(">I", 1) + body
framed = lambda data: struct.pack(">I", len(data)) + data

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("thrift", dport=9090) as t:
        t.client(strict(1, b"getUser"))
        t.server(strict(2, b"getUser"))
    with c.tcp("thrift", dport=9091, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(framed(strict(1, b"Calculator:ping")))
    with c.udp("thrift", dport=6831) as t:  # Jaeger's agent
        t.client(b"\x82\x81\x07\x09emitBatch\x1c\x1c\x18\x04test\0\0\0")
    with c.udp("thrift", dport=6832) as t:
        t.client(strict(4, b"emitBatch"))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=9090) as t:
        t.client(strict(5, b"getUser"))
    with n.tcp(None, dport=9090) as t:
        t.client(strict(1, b"get User"))
    with n.tcp(None, dport=9090) as t:
        t.client(strict(1, b"getUser", version=b"\x80\x02\0"))
    with n.udp(None, dport=6831) as t:
        t.client(b"\x82\x81\x07\x03put\x1c")
