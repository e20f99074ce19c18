# SPDX-License-Identifier: GPL-2.0-or-later
# UPnP Device Architecture 2.0: 3.1.1 (SOAP actions), 4.1 (events: SUBSCRIBE and NOTIFY).
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("upnp", dport=5000) as t:
        t.client(b"POST /control HTTP/1.1\r\nHOST: 192.0.2.9:5000\r\nCONTENT-TYPE: text/xml\r\nCONTENT-LENGTH: 0\r\n"
                 b"SOAPACTION: \"urn:schemas-upnp-org:service:WANIPConnection:1#GetExternalIPAddress\"\r\n\r\n")
        t.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    with c.tcp("upnp", dport=49152, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"SUBSCRIBE /event HTTP/1.1\r\nHOST: [2001:db8:9::9]:49152\r\nCALLBACK: <http://[2001:db8::2]:80/>\r\n"
                 b"NT: upnp:event\r\nTIMEOUT: Second-1800\r\n\r\n")
    with c.tcp("upnp", dport=4004) as t:
        t.client(b"NOTIFY / HTTP/1.1\r\nHOST: 192.0.2.9:4004\r\nNT: upnp:event\r\nNTS: upnp:propchange\r\n\r\n")
    n = captures.file("not.pcap")
    with n.tcp("http", dport=5000) as t:  # another SOAP
        t.client(b"POST /soap HTTP/1.1\r\nHost: a.example\r\nSOAPAction: \"urn:example-org:Quote#Get\"\r\nContent-Length: 0\r\n\r\n")
    with n.tcp("http", dport=5000) as t:
        t.client(b"NOTIFY / HTTP/1.1\r\nHost: a.example\r\nNT: other:event\r\n\r\n")
