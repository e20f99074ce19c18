# SPDX-License-Identifier: GPL-2.0-or-later
# PostgreSQL documentation, "Message Flow" and "Message Formats" (protocol 3.0).
import struct
from talk import Captures

typed = lambda kind, body: kind + struct.pack(">I", 4 + len(body)) + body
def startup(*pairs):
    body = struct.pack(">HH", 3, 0) + b"".join(p + b"\0" for p in pairs) + b"\0"
    return struct.pack(">I", 4 + len(body)) + body

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("postgresql", dport=5432) as t:
        t.client(startup(b"user", b"me", b"database", b"db"))
        t.server(typed(b"R", struct.pack(">I", 5) + b"salt"))
    with c.tcp("postgresql", dport=5433, src="2001:db8::2", dst="2001:db8:9::9") as t:  # TLS refused
        t.client(struct.pack(">II", 8, 80877103))
        t.server(b"N")
        t.client(startup(b"user", b"me"))
    with c.tcp("postgresql", dport=5432) as t:  # a request to cancel
        t.client(struct.pack(">IIII", 16, 80877102, 1234, 5678))
    with c.tcp("postgresql", dport=5432) as t:  # only the server is seen
        t.server(b"N")
        t.server(typed(b"R", struct.pack(">I", 10) + b"SCRAM-SHA-256\0\0"))
        t.server(typed(b"S", b"server_version\0" b"15.6\0"))
    with c.tcp("postgresql", dport=5432) as t:
        t.server(typed(b"E", b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"))
    with c.tcp("postgresql", dport=5432, midstream=True) as t:
        t.client(typed(b"Q", b"SELECT 1\0"))
    with c.tcp("postgresql", dport=5432, midstream=True) as t:  # a row, and what ends the answer
        t.server(typed(b"D", struct.pack(">HI", 1, 1) + b"1") + typed(b"C", b"SELECT 1\0") + typed(b"Z", b"I"))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=5432) as t:  # no user
        t.client(startup(b"database", b"db"))
    with n.tcp(None, dport=5432) as t:  # another code
        t.client(struct.pack(">II", 8, 80877105))
    with n.tcp(None, dport=5432) as t:
        t.server(typed(b"R", struct.pack(">I", 77)))
    with n.tcp(None, dport=5432, midstream=True) as t:  # a string that does not end with the message
        t.client(typed(b"Q", b"SELECT 1\0\0"))
    with n.tcp(None, dport=5432, midstream=True) as t:
        t.server(typed(b"Z", b"X"))
