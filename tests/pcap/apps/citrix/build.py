# SPDX-License-Identifier: GPL-2.0-or-later
# ICA's greeting as clients and servers send it: 0x7f 0x7f "ICA" 0, from both sides; CGP's: 0x1a "CGP/01".
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("citrix", dport=1494) as t:
        t.server(b"\x7f\x7fICA\0")
        t.client(b"\x7f\x7fICA\0")
        t.server(b"\x7f\x7fICA\0")
    with c.tcp("citrix", dport=2598, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"\x1aCGP/01" + bytes(20))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=1494) as t:
        t.client(b"\x7f\x7fELF\0")
    with n.tcp(None, dport=2598) as t:
        t.client(b"\x1aCGI/01")
