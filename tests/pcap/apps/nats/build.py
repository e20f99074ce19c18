# SPDX-License-Identifier: GPL-2.0-or-later
# NATS client protocol: INFO, CONNECT, PUB, MSG.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("nats", dport=4222) as t:
        t.server(b'INFO {"server_id":"NDZ","version":"2.9.10","max_payload":1048576}\r\n')
        t.client(b'CONNECT {"verbose":false,"pedantic":false,"lang":"go"}\r\nPING\r\n')
    with c.tcp("nats", dport=4223, src="2001:db8::2", dst="2001:db8:9::9") as t:  # the client alone
        t.client(b'CONNECT {"lang":"c","verbose":true}\r\n')
    with c.tcp("nats", dport=4222, midstream=True) as t:
        t.client(b"PUB subject.a reply 5\r\nhello\r\n")
    with c.tcp("nats", dport=4222, midstream=True) as t:
        t.server(b"MSG subject.a 9 5\r\nhello\r\n")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=4222) as t:
        t.server(b'INFO {"name":"something else"}\r\n')
        t.client(b"hello\r\n")
    with n.tcp(None, dport=4222) as t:
        t.client(b"PUB crawl\r\n")
    with n.tcp("!nats", dport=4222) as t:
        t.client(b"CONNECT {host} HTTP/1.1\r\n\r\n")
