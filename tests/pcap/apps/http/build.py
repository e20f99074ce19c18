# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 9112, 3 (request line) and 4 (status line). Recorded ones: ../../http, ../../http-connect.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("http", dport=80) as t:
        t.client(b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n")
        t.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with c.tcp("http", dport=8080, src="2001:db8::2", dst="2001:db8:9::9") as t:  # as to a proxy
        t.client(b"POST http://www.example.org/x HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
    with c.tcp("http", dport=81, midstream=True) as t:
        t.server(b"HTTP/1.0 404 Not Found\r\n\r\n")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=80) as t:  # another protocol's version
        t.client(b"GET / FTP/1.1\r\nHost: www.example.org\r\n\r\n")
    with n.tcp(None, dport=80) as t:
        t.client(b"GETTING / HTTP:1.1 up\r\n\r\n")
    with n.tcp(None, dport=80) as t:
        t.client(b"\0GET / HTTP/1.1\r\n\r\n")
