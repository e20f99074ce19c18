# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 5321, 3.1 (greeting) and 4.1.1.1 (EHLO). Recorded ones: ../../smtp, ../../smtp-starttls.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("smtp", dport=25) as t:
        t.server(b"220 mx.example ESMTP ready\r\n")
        t.client(b"EHLO client.example\r\n")
        t.server(b"250-mx.example\r\n250 SIZE\r\n")
        t.client(b"MAIL FROM:<a@example.org>\r\n")
        t.server(b"250 ok\r\n")
    with c.tcp("smtp", dport=2525, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(b"220-mx.example\r\n220 go\r\n")
        t.client(b"HELO client.example\r\n")
        t.server(b"250 mx.example\r\n")
        t.client(b"MAIL FROM:<a@example.org>\r\n")
    n = captures.file("not.pcap")
    with n.tcp("!smtp", dport=25) as t:  # FTP greets with the same number
        t.server(b"220 Service ready\r\n")
        t.client(b"USER anonymous\r\n")
        t.server(b"331 Password, please\r\n")
    with n.tcp(None, dport=25) as t:
        t.server(b"22 mx.example\r\n")
        t.client(b"EHLO client.example\r\n")
    with n.tcp(None, dport=25) as t:
        t.client(b"x\x01\x02\xffEHLO client.example\r\n")
