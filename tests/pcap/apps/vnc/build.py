# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 6143, 7.1.1: "RFB 003.008\n" from the server, then from the client.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("vnc", dport=5900) as t:
        t.server(b"RFB 003.008\n")
        t.client(b"RFB 003.008\n")
        t.server(b"\x01\x02")
    with c.tcp("vnc", dport=5901) as t:
        t.server(b"RFB 003.889\n")
    with c.tcp("vnc", dport=80, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:  # only the client is seen
        t.client(b"RFB 003.003\n")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=5900) as t:
        t.server(b"RFB 003.00x\n")
    with n.tcp(None, dport=5900) as t:
        t.server(b"RFB 003.008 hello\n")
    with n.tcp(None, dport=5900) as t:
        t.client(b"hello RFB 003.008\n")
