# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 7252, 3 (format), 3.1 (options), 5.10 (their numbers), 12.1 (codes).
from talk import Captures


def option(delta, data):
    return bytes([delta << 4 | len(data)]) + data


CORE = option(11, b".well-known") + option(0, b"core")

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("coap", dport=5683) as t:
        t.client(b"\x40\1\x7d\x34" + CORE)
        t.server(b"\x60\x45\x7d\x34" + option(12, b"\x28") + b"\xff</time>")
    with c.udp("coap", dport=15683, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"\x44\2\x12\x34abcd" + option(3, b"example.org") + option(8, b"light") + b"\xff{}")
    with c.udp("coap", dport=5683) as t:                    # little to see; its answer returns ID and token
        t.client(b"\x42\1\x00\x07\x9c\x11" + option(11, b"t"))
        t.server(b"\x62\x45\x00\x07\x9c\x11\xff21.5")
    with c.udp("coap", dport=5683) as t:
        t.client(b"\x48\1\x00\x08" + bytes(range(200, 208)) + option(6, b"") + option(5, b"s"))
        t.server(b"\x58\x45\x12\x34" + bytes(range(200, 208)) + option(6, b"\7") + b"\xff1")
        t.client(b"\x60\0\x12\x34")
    n = captures.file("not.pcap")
    with n.udp(None, dport=5683) as t:                      # version 2
        t.client(b"\x80\1\x7d\x34" + CORE)
    with n.udp(None, dport=5683) as t:                      # no option has the number 10
        t.client(b"\x40\1\x7d\x34" + option(10, b".well-known"))
    with n.udp(None, dport=5683) as t:
        t.client(b"\x40\1\x7d\x34" + CORE + b"\xff")
    with n.udp(None, dport=5683) as t:
        t.client(b"\x40\1\x7d\x34" + CORE[:-1])
    with n.udp(None, dport=5683) as t:                      # the answer to something else
        t.client(b"\x42\1\x00\x07\x9c\x11" + option(11, b"t"))
        t.server(b"\x62\x45\x00\x08\x9c\x12\xff21.5")
    with n.udp(None, dport=5683) as t:
        t.client(b"\x40\0\x12\x34")
        t.server(b"\x70\0\x12\x34")
    with n.udp(None, dport=5683) as t:
        t.client(b"PUT it there, and there, and there")
    with n.udp("!coap", dport=5683) as t:
        t.client(b"\x45" + bytes((i * 53 + 7) & 255 for i in range(80)))
