# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures of protocols that TLS names by ALPN: RFC 8446, 4.1.2 (ClientHello); RFC 7301, 3.1 (ALPN)."""
import struct

from talk import Captures


def vector(data, size):
    return struct.pack("!I", len(data))[4 - size:] + data


def hello(*names):
    alpn = vector(b"".join(vector(n, 1) for n in names), 2)
    extensions = b"\0\x10" + vector(alpn, 2) if names else b""
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + vector(b"\x13\x01", 2) + b"\x01\0" + vector(extensions, 2)
    return b"\x16\x03\x01" + vector(b"\x01" + vector(body, 3), 2)


def build(script, app, name, port):
    """`name` is what IANA registers for `app`, whose port is `port`."""
    with Captures(script) as captures:
        c = captures.file("in.pcap")
        with c.tcp(app, dport=port) as t:
            t.client(hello(name))
        with c.tcp(app, dport=4430, src="2001:db8::2", dst="2001:db8:9::9") as t:
            t.client(hello(name))
        n = captures.file("not.pcap")
        with n.tcp("tls", dport=port) as t:  # the port says nothing
            t.client(hello())
        with n.tcp("tls", dport=port) as t:  # one of several: which, nobody has said
            t.client(hello(b"http/1.1", name))
        with n.tcp("tls", dport=port) as t:
            t.client(hello(name + b"x"))
