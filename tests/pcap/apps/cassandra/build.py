# SPDX-License-Identifier: GPL-2.0-or-later
# Cassandra native_protocol_v2/v3/v4/v5.spec: 2 (frame header), 4.1 (requests), 4.2 (answers).
import struct
from talk import Captures

def frame(version, opcode, body=b"", stream=0, flags=0, size=None):
    head = struct.pack(">BB", version, flags) + (struct.pack(">B", stream) if version & 127 < 3 else struct.pack(">H", stream))
    return head + struct.pack(">BI", opcode, len(body) if size is None else size) + body

string = lambda s: struct.pack(">H", len(s)) + s
long_string = lambda s: struct.pack(">I", len(s)) + s
STARTUP = struct.pack(">H", 1) + string(b"CQL_VERSION") + string(b"3.0.0")
SUPPORTED = struct.pack(">H", 2) + string(b"COMPRESSION") + struct.pack(">H", 1) + string(b"lz4") + string(b"CQL_VERSION") + struct.pack(">H", 1) + string(b"3.4.5")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("cassandra", dport=9042) as t:
        t.client(frame(4, 5))
        t.server(frame(0x84, 6, SUPPORTED))
    with c.tcp("cassandra", dport=9142, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(frame(5, 5, flags=0x10) + frame(5, 1, STARTUP, stream=1))
    with c.tcp("cassandra", dport=9042) as t:  # version 2: a stream of one byte
        t.client(frame(2, 1, STARTUP))
        t.server(frame(0x82, 2))
    with c.tcp("cassandra", dport=9042) as t:  # the server alone
        t.server(frame(0x83, 3, string(b"org.apache.cassandra.auth.PasswordAuthenticator")))
    with c.tcp("cassandra", dport=9042) as t:
        t.server(frame(0x84, 0, struct.pack(">I", 0x0A) + string(b"Invalid or unsupported protocol version (66)")))
    with c.tcp("cassandra", dport=9042, midstream=True) as t:
        t.client(frame(4, 7, long_string(b"SELECT * FROM system.local WHERE key='local'") + b"\0\x01\x34", stream=5))
    with c.tcp("cassandra", dport=9042, midstream=True) as t:
        t.client(frame(4, 10, b"\0\x10" + bytes(range(20)), stream=6))
        t.server(frame(0x84, 8, struct.pack(">I", 1), stream=6))
    with c.tcp("cassandra", dport=7000) as t:  # nodes among themselves
        t.client(bytes.fromhex("ca552dfa") + bytes(20))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=9042) as t:  # a map that ends too early
        t.client(frame(4, 1, STARTUP + b"\0\0"))
    with n.tcp(None, dport=9042) as t:  # a short message of somebody else, twice
        t.client(bytes.fromhex("05000000050000000005000000"))
        t.server(bytes.fromhex("0500000005"))
    with n.tcp(None, dport=9042) as t:  # the answer has another number
        t.client(frame(4, 10, bytes(range(20)), stream=6))
        t.server(frame(0x84, 8, struct.pack(">I", 1), stream=9))
    with n.tcp(None, dport=9042) as t:
        t.client(frame(4, 0x60, STARTUP))
    with n.tcp(None, dport=7000) as t:
        t.client(bytes.fromhex("ca552dfb") + bytes(20))
