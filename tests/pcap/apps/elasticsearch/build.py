# SPDX-License-Identifier: GPL-2.0-or-later
# Elasticsearch server sources, TcpHeader: "ES", length, request, status, version.
import struct
from talk import Captures

def message(version, status, body, mark=b"ES"):
    return mark + struct.pack(">IQBI", 13 + len(body), 3, status, version) + body

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("elasticsearch", dport=9300) as t:  # handshake of 7.17
        t.client(message(6080099, 8, bytes(30)))
        t.server(message(6080099, 9, bytes(10)))
    with c.tcp("elasticsearch", dport=9301, src="2001:db8::2", dst="2001:db8:9::9") as t:  # OpenSearch 2.4
        t.client(message(2040099 ^ 0x08000000, 0, bytes(30)))
    with c.tcp("elasticsearch", dport=9300, midstream=True) as t:
        t.server(message(8110099, 1, bytes(30)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=9300) as t:
        t.client(message(7170099, 8, bytes(30), mark=b"EX"))
    with n.tcp(None, dport=9300) as t:  # no version
        t.client(message(0xFF000000, 8, bytes(30)))
    with n.tcp(None, dport=9300) as t:
        t.client(b"ES is only a word of two letters")
