# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 4253, 4.2: both sides begin with "SSH-protoversion-softwareversion CR LF".
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("ssh", dport=22) as t:
        t.server(b"SSH-2.0-Server_1.0\r\n")
        t.client(b"SSH-2.0-Client_1.0\r\n")
    with c.tcp("ssh", dport=2222, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"SSH-1.99-Old\n")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=22) as t:
        t.server(b"SSL-2.0-no\r\n")
        t.client(b"SSH")
    with n.tcp("!ssh", dport=22) as t:
        t.client(b"GET /SSH-2.0-x HTTP/1.0\r\n\r\n")
