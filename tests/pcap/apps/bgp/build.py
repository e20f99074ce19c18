# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 4271, 4.1 (header), 4.2 (OPEN).
import struct
from talk import Captures

MARKER = b"\xff" * 16


def message(kind, body=b"", marker=MARKER):
    return marker + struct.pack("!HB", 19 + len(body), kind) + body


OPEN = message(1, b"\4" + struct.pack("!HH4sB", 65001, 90, b"\x0a\0\0\1", 0))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("bgp", dport=179) as t:
        t.client(OPEN)
        t.server(OPEN)
        t.client(message(4))
    with c.tcp("bgp", dport=1179, midstream=True, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(message(2, bytes(4)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=179) as t:
        t.client(OPEN[1:])
    with n.tcp(None, dport=179) as t:
        t.client(message(9))
    with n.tcp(None, dport=179) as t:
        t.client(MARKER + b"\0\x12\4")
    with n.tcp(None, dport=179) as t:
        t.client(MARKER)
