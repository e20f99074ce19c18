# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 9051, 7.1 (greetings) and 6 (tagged commands).
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("imap", dport=143) as t:
        t.server(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        t.client(b"a1 LOGIN me secret\r\n")
        t.server(b"a1 OK LOGIN completed\r\n")
    with c.tcp("imap", dport=1430, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(b"* PREAUTH IMAP4rev1 welcome\r\n")
        t.client(b"x SELECT INBOX\r\n")
        t.server(b"x OK\r\n")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=143) as t:
        t.server(b"* OKAY then\r\n")
        t.client(b"a1 LOGIN me secret\r\n")
    with n.tcp(None, dport=143) as t:
        t.server(b"* OK hello\r\n")
        t.client(b"hello yourself\r\n")
        t.server(b"bye\r\n")
