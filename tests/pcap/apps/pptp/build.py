# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 2637, 2.1 (Start-Control-Connection-Request) and its kin.
import struct
from talk import Captures


def message(kind, length, body=b"", magic=0x1a2b3c4d):
    return (struct.pack("!HHIHH", length, 1, magic, kind, 0) + body).ljust(length, b"\0")


start = message(1, 156, struct.pack("!HHIIHH", 0x100, 0, 3, 3, 0, 1) + b"local")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("pptp", dport=1723) as t:
        t.client(start)
        t.server(message(2, 156, struct.pack("!HBBIIHH", 0x100, 1, 0, 3, 3, 0, 1) + b"remote"))
        t.client(message(7, 168))
    with c.tcp("pptp", dport=17230, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:
        t.server(message(5, 16, struct.pack("!I", 7)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=1723) as t:
        t.client(message(1, 156, magic=0x1a2b3c4e))
    with n.tcp(None, dport=1723) as t:  # the length of another kind
        t.client(message(1, 168))
    with n.tcp(None, dport=1723) as t:  # a kind that there is not
        t.client(message(16, 16))
    with n.tcp(None, dport=1723) as t:
        t.client(start[:8])
        t.server(b"hello\r\n")
