# SPDX-License-Identifier: GPL-2.0-or-later
# "NMDC Protocol" (nmdc.sourceforge.io), ADC 1.0 (adc.sourceforge.io) 5.3.1.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("directconnect", dport=411) as t:
        t.server(b"$Lock EXTENDEDPROTOCOLABCABCABC Pk=Test1.0|")
        t.client(b"$Supports UserCommand NoGetINFO|$Key \x14\xd1\xc0\x11\xb0\xa0|$ValidateNick nobody|")
    with c.tcp("directconnect", dport=412) as t:
        t.client(b"$MyNick nobody|$Lock EXTENDEDPROTOCOLABC Pk=Test1.0|")
    with c.tcp("directconnect", dport=1180, midstream=True) as t:
        t.client(b"$Key \x14\xd1\xc0\x11\xb0\xa0|$ValidateNick nobody|")
    with c.tcp("directconnect", dport=5000) as t:
        t.client(b"HSUP ADBASE ADTIGR ADPING\n").server(b"ISUP ADBASE ADTIGR\nISID AAAB\n")
    with c.udp("directconnect", dport=412) as t:
        t.client(b"$SR nobody dir\\file.txt\x05437 3/4\x05hub (192.0.2.1:411)|")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=411) as t:
        t.server(b"$Lock the door|").client(b"$Supports it|")
    with n.tcp(None, dport=5000) as t:
        t.client(b"HSUP hello there\n")
    with n.udp(None, dport=412) as t:
        t.client(b"$SR 12345\r\n")
