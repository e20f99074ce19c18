# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 8446, 4.1.2 (ClientHello); RFC 7301, 3.1 (ALPN); IANA registers "dot" (RFC 7858).
import struct
from talk import Captures


def vector(data, size):
    return struct.pack("!I", len(data))[4 - size:] + data


def hello(*names):
    alpn = vector(b"".join(vector(n, 1) for n in names), 2)
    extensions = b"\0\x10" + vector(alpn, 2) if names else b""
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + vector(b"\x13\x01", 2) + b"\x01\0" + vector(extensions, 2)
    return b"\x16\x03\x01" + vector(b"\x01" + vector(body, 3), 2)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("dot", dport=853) as t:
        t.client(hello(b"dot"))
    with c.tcp("dot", dport=4430, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(hello(b"dot"))
    n = captures.file("not.pcap")
    with n.tcp("tls", dport=853) as t:  # the port says nothing
        t.client(hello())
    with n.tcp("tls", dport=853) as t:  # one of several: which, nobody has said
        t.client(hello(b"http/1.1", b"dot"))
    with n.tcp("tls", dport=853) as t:
        t.client(hello(b"dotx"))
