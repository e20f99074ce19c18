# SPDX-License-Identifier: GPL-2.0-or-later
# Apache Kafka protocol guide: RequestHeader (size, key, version, correlation, client), ResponseHeader.
import struct
from talk import Captures

def request(key, version, number, client, body=b""):
    name = struct.pack(">h", -1) if client is None else struct.pack(">h", len(client)) + client
    data = struct.pack(">hhi", key, version, number) + name + body
    return struct.pack(">i", len(data)) + data

answer = lambda number, body: struct.pack(">ii", 4 + len(body), number) + body
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("kafka", dport=9092) as t:  # ApiVersions
        t.client(request(18, 3, 1, b"rdkafka", b"\0\x0blibrdkafka\x062.0.2\0"))
        t.server(answer(1, bytes(30)))
    with c.tcp("kafka", dport=9093, src="2001:db8::2", dst="2001:db8:9::9") as t:  # no name: its answer tells
        t.client(request(3, 1, 77, None, struct.pack(">i", -1)))
        t.server(answer(77, bytes(30)))
    with c.tcp("kafka", dport=9092) as t:  # two without a name
        t.client(request(18, 0, 5, None) + request(3, 1, 6, None, struct.pack(">i", -1)))
    with c.tcp("kafka", dport=9092, midstream=True) as t:
        t.client(request(0, 7, 1000, b"producer-1", bytes(60)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=9092) as t:  # no such version
        t.client(request(18, 9, 1, b"rdkafka"))
    with n.tcp(None, dport=9092) as t:  # the answer has another number
        t.client(request(3, 1, 77, None, struct.pack(">i", -1)))
        t.server(answer(78, bytes(30)))
    with n.tcp(None, dport=9092) as t:  # a name that is not printable
        t.client(request(3, 1, 1, bytes(7), bytes(4)))
    with n.tcp("!kafka", dport=9092) as t:  # PostgreSQL's startup looks like Metadata
        body = struct.pack(">HH", 3, 0) + b"user\0me\0database\0db\0\0"
        t.client(struct.pack(">I", 4 + len(body)) + body)
    with n.tcp(None, dport=9092) as t:
        t.client(bytes.fromhex("0000000c0003000100000001ffff"))
