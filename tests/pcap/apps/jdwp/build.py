# SPDX-License-Identifier: GPL-2.0-or-later
# Java Debug Wire Protocol, "JDWP Start Up".
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("jdwp", dport=8000) as t:
        t.client(b"JDWP-Handshake")
        t.server(b"JDWP-Handshake")
    with c.tcp("jdwp", dport=5005, src="2001:db8::2", dst="2001:db8:9::9") as t:  # the server alone
        t.server(b"JDWP-Handshake")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=8000) as t:
        t.client(b"JDWP-Handshame")
