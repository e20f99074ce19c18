# SPDX-License-Identifier: GPL-2.0-or-later
# haproxy's proxy-protocol.txt: 2.1 (version 1, a line), 2.2 (version 2, a signature and addresses).
import struct
from talk import Captures

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
line = b"PROXY TCP4 198.51.100.7 192.0.2.9 51000 443\r\n"
binary = SIGNATURE + b"\x21\x11" + struct.pack("!H", 12) + bytes([198, 51, 100, 7, 192, 0, 2, 9]) + struct.pack("!HH", 51000, 25)
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("http", dport=80) as t:  # what follows is the top
        t.client(line + b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    with c.tcp("smtp", dport=25) as t:  # and may be the server's to begin
        t.client(binary)
        t.server(b"220 mx.example.org ESMTP\r\n")
        t.client(b"EHLO a.example\r\n")
        t.server(b"250 mx.example.org\r\n")
        t.client(b"MAIL FROM:<a@a.example>\r\n")
    with c.tcp("proxy-protocol", dport=99, src="2001:db8::2", dst="2001:db8:9::9") as t:  # nobody knows what follows
        t.client(b"PROXY UNKNOWN\r\n" + bytes(range(128, 200)))
    with c.tcp("proxy-protocol", dport=99) as t:  # a health check: LOCAL, and no more
        t.client(SIGNATURE + b"\x20\x00\0\0")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=80) as t:
        t.client(b"PROXY TCP5 198.51.100.7 192.0.2.9 51000 443\r\n")
    with n.tcp(None, dport=80) as t:
        t.client(b"PROXY TCP4 " + b"9" * 120 + b"\r\n")
    with n.tcp(None, dport=80) as t:  # version 3
        t.client(SIGNATURE + b"\x31\x11\0\x0c" + bytes(12))
