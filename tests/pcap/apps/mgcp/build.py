# SPDX-License-Identifier: GPL-2.0-or-later
# MGCP, RFC 3435.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("mgcp", dport=2427) as t:
        t.client(b"RQNT 1201 aaln/1@gw.example.net MGCP 1.0\r\nN: ca@example.net:5678\r\nX: 0123\r\n")
        t.server(b"200 1201 OK\r\n")
    with c.udp("mgcp", dport=2727) as t:
        t.client(b"rsip 9 *@[192.0.2.4] mgcp 0.1\nrm: restart\n")
    with c.udp("mgcp", dport=2427) as t:  # the answer that brings a connection's identifier
        t.server(b"200 1204 OK\r\nI: FDE234C8\r\n\r\nv=0\r\n")
    with c.udp("mgcp", dport=2427) as t:  # an experimental verb
        t.client(b"XABC 7 ds/1@gw MGCP 1.0 NCS 1.0\r\n")

    n = captures.file("not.pcap")
    with n.udp(None, dport=2427) as t:  # an answer alone
        t.server(b"200 1201 OK\r\n")
    with n.udp(None, dport=2427) as t:
        t.client(b"RQNT 1201 aaln/1@gw.example.net MGPC 1.0\r\n")
    with n.udp(None, dport=2427) as t:
        t.client(b"RQNT 12011201120 aaln/1@gw.example.net MGCP 1.0\r\n")
    with n.tcp("!mgcp", dport=21) as t:
        t.server(b"220 1201 ready\r\n")
        t.client(b"USER I:\r\n")
