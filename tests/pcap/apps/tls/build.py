# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 8446, 5.1 (records) and 4.1 (hellos). Recorded ones: ../../https-*, ../../ipv6-https.
from talk import Captures
from talk_alpn import hello, vector


def server_hello():
    body = b"\3\3" + bytes(range(32)) + b"\0" + b"\x13\1" + b"\0" + vector(b"\0\x2b\0\2\3\4", 2)
    return b"\x16\3\3" + vector(b"\2" + vector(body, 3), 2)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("tls", dport=443) as t:
        t.client(hello())
        t.server(server_hello())
    with c.tcp("tls", dport=4433, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(hello(b"h2", b"http/1.1"))
    with c.tcp("tls", dport=443, midstream=True) as t:  # the server alone
        t.server(server_hello())
    n = captures.file("not.pcap")
    with n.tcp(None, dport=443) as t:  # no such version
        t.client(b"\x16\3\x09" + hello()[3:])
    with n.tcp(None, dport=443) as t:  # a record, and no hello in it
        t.client(b"\x16\3\1" + vector(b"\x07" + bytes(range(60)), 2))
    with n.tcp(None, dport=443) as t:
        t.client(b"\x18\3\1\xff\xff" + bytes(range(60)))
