# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 3977, 5.1 (greetings), 5.2 (CAPABILITIES), 5.3 (MODE READER), 6; RFC 4642 (STARTTLS); RFC 4643 (AUTHINFO).
import struct
from talk import Captures

body = b"\x03\x03" + bytes(range(32)) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
hello = b"\x01" + struct.pack("!I", len(body))[1:] + body
hello = b"\x16\x03\x01" + struct.pack("!H", len(hello)) + hello

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("nntp", dport=119) as t:
        t.server(b"200 news.example.org ready\r\n")
        t.client(b"MODE READER\r\n")
        t.server(b"200 posting\r\n")
        t.client(b"GROUP misc.test\r\n")
    with c.tcp("nntp", dport=119) as t:
        t.server(b"201 hi\r\n")
        t.client(b"CAPABILITIES\r\n")
        t.server(b"101 list\r\nVERSION 2\r\nREADER\r\n.\r\n")
    with c.tcp("nntp", dport=1190, src="2001:db8::2", dst="2001:db8:9::9") as t:  # nobody answers its greeting
        t.server(b"200 news.example.org InterNetNews NNTP server INN 2.7 ready\r\n")
    with c.tcp("nntp", dport=433) as t:  # between servers
        t.server(b"200 feed.example.org\r\n")
        t.client(b"IHAVE <a@b.example>\r\n")
    with c.tcp("tls", dport=119) as t:
        t.server(b"200 news.example.org\r\n")
        t.client(b"CAPABILITIES\r\n")
        t.server(b"101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n")
        t.client(b"STARTTLS\r\n")
        t.server(b"382 go\r\n")
        t.client(hello)
    n = captures.file("not.pcap")
    with n.tcp(None, dport=119) as t:
        t.server(b"200 hello\r\n")
        t.client(b"HELLO\r\n")
    with n.tcp(None, dport=119) as t:
        t.server(b"200 hello\r\n")
    with n.tcp(None, dport=119) as t:
        t.server(b"2000 NNTP\r\n")
