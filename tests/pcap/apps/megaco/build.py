# SPDX-License-Identifier: GPL-2.0-or-later
# Megaco/H.248 in text, RFC 3525, annex B.
import struct
from talk import Captures

LONG = b"MEGACO/1 [192.0.2.4]:2944\r\nTransaction = 9998 {\r\n\tContext = - {\r\n\t\tServiceChange = ROOT {}}}\r\n"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("megaco", dport=2944) as t:
        t.client(LONG)
        t.server(b"MEGACO/1 [192.0.2.9]:2944\nReply = 9998 { Context = - {ServiceChange = ROOT {}}}\n")
    with c.udp("megaco", dport=2944) as t:
        t.client(b"!/1 <gw>\nT=555{C=1{S=t/1}}")
    with c.udp("megaco", dport=2944) as t:
        t.server(b"!/3 [2001:db8::1]:2944 P=555{C=1}")
    with c.udp("megaco", dport=2944) as t:
        t.server(b"!/1 [192.0.2.9] K{555}")
    with c.tcp("megaco", dport=2944) as t:
        t.client(struct.pack("!BBH", 3, 0, 4 + len(LONG)) + LONG)

    n = captures.file("not.pcap")
    with n.udp(None, dport=2944) as t:
        t.client(b"MEGACO/1 [192.0.2.4]:2944\r\nTransfer = 9998 {}\r\n")
    with n.udp(None, dport=2944) as t:
        t.client(b"!/1 <gw>\n")
    with n.udp(None, dport=2944) as t:
        t.client(b"!/usr/bin/python T=555")
    with n.udp(None, dport=2944) as t:
        t.client(b"MEGACORP/1 [192.0.2.4] T=1")
