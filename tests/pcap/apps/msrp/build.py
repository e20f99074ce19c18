# SPDX-License-Identifier: GPL-2.0-or-later
# MSRP, RFC 4975.
from talk import Captures

PATHS = b"To-Path: msrp://192.0.2.9:2855/s1;tcp\r\nFrom-Path: msrp://10.0.0.2:2855/s2;tcp\r\n"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("msrp", dport=2855) as t:
        t.client(b"MSRP a786hjs2 SEND\r\n" + PATHS + b"Message-ID: 1\r\n-------a786hjs2$\r\n")
        t.server(b"MSRP a786hjs2 200 OK\r\n" + PATHS + b"-------a786hjs2$\r\n")
    with c.tcp("msrp", dport=9000, midstream=True) as t:
        t.server(b"MSRP dkei38sd REPORT\r\n" + PATHS)

    n = captures.file("not.pcap")
    with n.tcp("!msrp", dport=2855) as t:
        t.client(b"MSRP a786hjs2 SENDER\r\n" + PATHS)
    with n.tcp("!msrp", dport=2855) as t:
        t.client(b"MSRP ab SEND\r\n" + PATHS)
    with n.tcp("!msrp", dport=2855) as t:
        t.client(b"MSRPX a786hjs2 SEND\r\n" + PATHS)
