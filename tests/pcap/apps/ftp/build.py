# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 959, 4.2 (replies) and 4.1.1 (USER); RFC 4217 (AUTH TLS).
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("ftp", dport=21) as t:
        t.server(b"220 Service ready\r\n")
        t.client(b"USER anonymous\r\n")
        t.server(b"331 Password, please\r\n")
    with c.tcp("ftp", dport=2121, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(b"220-Welcome\r\n220 to all\r\n")
        t.client(b"USER me\r\n")
        t.server(b"331 go on\r\n")
        t.client(b"PASS x\r\n")
        t.server(b"230 in\r\n")
    n = captures.file("not.pcap")
    with n.tcp("!ftp", dport=21) as t:  # mail greets with the same number
        t.server(b"220 mx.example ESMTP\r\n")
        t.client(b"EHLO client.example\r\n")
        t.server(b"250 mx.example\r\n")
    with n.tcp(None, dport=21) as t:
        t.server(b"2200 hello\r\n")
        t.client(b"USER x\r\n")
    with n.tcp(None, dport=21) as t:
        t.server(b"hello\r\n")
        t.client(b"USER x\r\n")
