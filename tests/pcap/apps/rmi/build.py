# SPDX-License-Identifier: GPL-2.0-or-later
# Java RMI Specification 10.2: "JRMI", version, protocol (stream, single operation, multiplex).
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("rmi", dport=1099) as t:
        t.client(b"JRMI\0\x02\x4b")
        t.server(b"\x4e\0\x08" + b"10.0.0.2" + b"\0\0\x9c\x41")
    with c.tcp("rmi", dport=2099, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"JRMI\0\x02\x4c\x50" + bytes(20))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=1099) as t:
        t.client(b"JRMI\0\x02\x5b")
    with n.tcp(None, dport=1099) as t:
        t.client(b"JRMP\0\x02\x4b")
