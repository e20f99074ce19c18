# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 3912: a line, then text. The answers' fields are those of ICANN's and RIPE's records (RFC 2622).
from talk import Captures

ICANN = (b"   Domain Name: EXAMPLE.COM\r\n   Registry Domain ID: 1_DOMAIN_COM-VRSN\r\n"
         b"   Registrar WHOIS Server: whois.example.net\r\n")
RIPE = b"% This is the RIPE Database query service.\n% The objects are in RPSL format.\n\ninetnum:        192.0.2.0 - 192.0.2.255\n"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("whois", dport=43) as t:
        t.client(b"domain example.com\r\n")
        t.server(ICANN)
    with c.tcp("whois", dport=4343, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"-T dn,ace example.de\r\n")
        t.server(b"Domain: example.de\nStatus: connect\n")
    with c.tcp("whois", dport=43) as t:
        t.client(b"nosuch.example\r\n")
        t.server(b"\r\nNo match for \"NOSUCH.EXAMPLE\".\r\n")
    with c.tcp("whois", dport=43) as t:                     # the server's side alone
        t.server(RIPE)
    n = captures.file("not.pcap")
    with n.tcp(None, dport=43) as t:
        t.client(b"example.com\r\n")
    with n.tcp(None, dport=43) as t:
        t.client(b"example.com\r\n")
        t.server(b"what do you mean?\r\nDomain of whom?\r\n")
    with n.tcp("!whois", dport=79) as t:                    # finger
        t.client(b"somebody\r\n")
        t.server(b"Login: somebody\t\t\tName: Some Body\r\nDirectory: /home/somebody\r\n")
    with n.tcp("!whois", dport=43) as t:                    # two lines
        t.client(b"example.com\r\nexample.org\r\n")
        t.server(ICANN)
    with n.tcp("!whois", dport=80) as t:
        t.client(b"GET / HTTP/1.0\r\n\r\n")
        t.server(b"HTTP/1.0 200 OK\r\nDomain: example.de\r\n\r\n")
    with n.tcp("!whois", dport=43) as t:
        t.server(b"Domain Name: EXAMPLE.COM\r\n")           # alone, that may be anything
