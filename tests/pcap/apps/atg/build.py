# SPDX-License-Identifier: GPL-2.0-or-later
# Veeder-Root TLS-350 Serial Interface Manual: start of header, function and tank, end of line.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("atg", dport=10001) as t:
        t.client(b"\x01I20100\r\n")
        t.server(b"\nI20100\n08/19/2024 10:12\n\nSTATION\n")
    with c.tcp("atg", dport=8001, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"\x01S60201\r\n")
    with c.tcp("atg", dport=10001, midstream=True) as t:  # the gauge alone
        t.server(b"\x01\r\nI20100\r\nAUG 19, 2024 10:12 AM\r\n")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=10001) as t:
        t.client(b"I20100\r\n")
    with n.tcp(None, dport=10001) as t:
        t.client(b"\x01I201\r\n")
    with n.tcp(None, dport=10001) as t:
        t.client(b"\x01X20100\r\n")
