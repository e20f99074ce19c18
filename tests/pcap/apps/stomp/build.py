# SPDX-License-Identifier: GPL-2.0-or-later
# STOMP 1.2: a command, headers, an empty line, a body, a zero.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("stomp", dport=61613) as t:
        t.client(b"CONNECT\naccept-version:1.2\nhost:example.org\n\n\0")
        t.server(b"CONNECTED\nversion:1.2\nserver:x/1\n\n\0")
    with c.tcp("stomp", dport=61614, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"STOMP\r\naccept-version:1.1,1.2\r\nlogin:a\r\npasscode:b\r\n\r\n\0")
    with c.tcp("stomp", dport=61613, midstream=True) as t:
        t.client(b"SEND\ncontent-type:text/plain\ndestination:/queue/a\n\nhello\0")
    with c.tcp("stomp", dport=61613, midstream=True) as t:
        t.server(b"\nMESSAGE\nsubscription:0\nmessage-id:7\ndestination:/queue/a\n\nhello\0")
    n = captures.file("not.pcap")
    with n.tcp("!stomp", dport=61613) as t:
        t.client(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")
    with n.tcp(None, dport=61613) as t:
        t.client(b"CONNECT\nto the server\n\n\0")
    with n.tcp(None, dport=61613, midstream=True) as t:
        t.client(b"SEND\nmore:money\n\n")
