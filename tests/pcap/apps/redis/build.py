# SPDX-License-Identifier: GPL-2.0-or-later
# Redis documentation, "Redis serialization protocol specification" (RESP2, RESP3).
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("redis", dport=6379) as t:
        t.client(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n")
        t.server(b"+OK\r\n")
    with c.tcp("redis", dport=6380, src="2001:db8::2", dst="2001:db8:9::9") as t:  # commands as lines
        t.client(b"PING\r\n")
        t.server(b"+PONG\r\n")
    with c.tcp("redis", dport=6379) as t:
        t.client(b"get nothing\r\n")
        t.server(b"$-1\r\n")
    with c.tcp("redis", dport=6379, midstream=True) as t:  # the server alone, RESP3
        t.server(b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n")
    with c.tcp("redis", dport=6379) as t:
        t.server(b"-NOAUTH Authentication required.\r\n")
    with c.tcp("redis", dport=16379) as t:  # nodes of a cluster
        t.client(b"RCmb" + bytes([0, 0, 8, 0xB8, 0, 1, 0x18, 0xEB]) + bytes(40))
    n = captures.file("not.pcap")
    with n.tcp("!redis", dport=6379) as t:  # POP3 has the same first letter
        t.server(b"+OK POP3 ready\r\n")
        t.client(b"CAPA\r\n")
    with n.tcp(None, dport=6379) as t:  # a string that does not end where it says
        t.client(b"*2\r\n$4\r\nECHOES\r\n$1\r\nk\r\n")
    with n.tcp(None, dport=6379) as t:
        t.client(b"*x\r\n$4\r\nPING\r\n")
    with n.tcp(None, dport=6379) as t:  # the answer is nobody's
        t.client(b"get key\r\n")
        t.server(b"what?\r\n")
    with n.tcp(None, dport=6379) as t:
        t.server(b"$5\r\nhelloo\r\n")
    with n.tcp("!redis", dport=6379) as t:
        t.client(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
        t.server(b"-ERR\r\n")
