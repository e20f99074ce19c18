# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1939, 3 (replies) and 7 (USER); RFC 2449 (CAPA).
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("pop3", dport=110) as t:
        t.server(b"+OK POP3 ready\r\n")
        t.client(b"USER me\r\n")
        t.server(b"+OK\r\n")
        t.client(b"PASS secret\r\n")
        t.server(b"+OK 2 messages\r\n")
    with c.tcp("pop3", dport=1100, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(b"+OK <1.2@pop.example>\r\n")
        t.client(b"CAPA\r\n")
        t.server(b"+OK\r\nUSER\r\n.\r\n")
    n = captures.file("not.pcap")
    with n.tcp("!pop3", dport=110) as t:  # Redis answers with the same word, but begins with the client
        t.client(b"*1\r\n$4\r\nPING\r\n")
        t.server(b"+OK\r\n")
    with n.tcp(None, dport=110) as t:
        t.server(b"+OKAY\r\n")
        t.client(b"USER me\r\n")
    with n.tcp(None, dport=110) as t:
        t.server(b"+OK ready\r\n")
        t.client(b"hello there\r\n")
        t.server(b"what\r\n")
