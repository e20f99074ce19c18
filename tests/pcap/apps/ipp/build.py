# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 8010, 4: IPP is posted over HTTP as application/ipp; 3.1 (its beginning).
from talk import Captures


def post(kind, body=b"\x02\x00\x00\x0b\x00\x00\x00\x01\x01\x03"):
    return (b"POST /ipp/print HTTP/1.1\r\nHost: printer.example.org:631\r\nContent-Type: " + kind +
            b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("ipp", dport=631) as t:
        t.client(post(b"application/ipp"))
        t.server(b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: 9\r\n\r\n\x02\0\0\0\0\0\0\1\3")
    with c.tcp("ipp", dport=80, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(post(b"Application/IPP"))
    n = captures.file("not.pcap")
    with n.tcp("http", dport=631) as t:
        t.client(post(b"text/plain"))
    with n.tcp("http", dport=631) as t:
        t.client(b"GET /application/ipp HTTP/1.1\r\nHost: printer.example.org:631\r\n\r\n")
