# SPDX-License-Identifier: GPL-2.0-or-later
# FastCGI Specification 1.0: 3.3 (records), 5.1 (BEGIN_REQUEST), 5.3 (STDOUT), 5.5 (END_REQUEST).
import struct
from talk import Captures

def record(kind, body, number=1, padding=0, reserved=0):
    return struct.pack(">BBHHBB", 1, kind, number, len(body), padding, reserved) + body + bytes(padding)

BEGIN = record(1, struct.pack(">HB5x", 1, 0))
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("fastcgi", dport=9000) as t:
        t.client(BEGIN + record(4, b"\x0c\0QUERY_STRING\x0e\x03REQUEST_METHODGET", padding=3) + record(4, b"") + record(5, b""))
        t.server(record(6, b"Content-type: text/html\r\n\r\nhello", padding=1) + record(3, bytes(8)))
    with c.tcp("fastcgi", dport=9001, src="2001:db8::2", dst="2001:db8:9::9") as t:  # the application alone
        t.server(record(6, b"Status: 404 Not Found\r\n\r\n"))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=9000) as t:
        t.client(record(1, struct.pack(">HB5s", 1, 0, b"abcde")))
    with n.tcp(None, dport=9000) as t:
        t.client(record(1, struct.pack(">HB5x", 9, 0)))
    with n.tcp(None, dport=9000) as t:
        t.server(record(6, b"hello, world, this is no header"))
    with n.tcp(None, dport=9000) as t:
        t.client(record(1, struct.pack(">HB5x", 1, 0), reserved=1))
