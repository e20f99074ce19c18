# SPDX-License-Identifier: GPL-2.0-or-later
# XDMCP, version 1, section 8.
import struct
from talk import Captures


def message(code, body):
    return struct.pack("!HHH", 1, code, len(body)) + body


def text(value):
    return struct.pack("!H", len(value)) + value


REQUEST = b"\0\1" + b"\1\0\0" + b"\1" + text(b"\x0a\0\0\2") + text(b"") + text(b"") + b"\1" + \
    text(b"MIT-MAGIC-COOKIE-1") + text(b"")

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("xdmcp", dport=177) as t:
        t.client(message(2, b"\0"))
        t.server(message(5, text(b"") + text(b"host") + text(b"0 users")))
        t.client(message(7, REQUEST))
    with c.udp("xdmcp", dport=177) as t:
        t.server(message(8, b"\0\0\0\7" + text(b"") + text(b"") + text(b"MIT-MAGIC-COOKIE-1") + text(bytes(16))))
    with c.udp("xdmcp", dport=177, dst="255.255.255.255") as t:
        t.client(message(1, b"\1" + text(b"XDM-AUTHENTICATION-1")))
    with c.udp("xdmcp", dport=5000) as t:
        t.client(message(10, b"\0\0\0\7\0\1" + text(b"MIT-unspecified")))
    with c.udp("xdmcp", dport=177) as t:
        t.client(message(13, b"\0\1\0\0\0\7"))
        t.server(message(14, b"\1\0\0\0\7"))

    n = captures.file("not.pcap")
    with n.udp(None, dport=177) as t:  # the length is another
        t.client(message(2, b"\0") + b"\0")
    with n.udp(None, dport=177) as t:  # the field ends before the datagram
        t.client(message(2, b"\0\0"))
    with n.udp(None, dport=177) as t:  # a string that runs out
        t.server(message(5, text(b"") + b"\0\x30host" + text(b"")))
    with n.udp(None, dport=177) as t:  # no such code
        t.client(message(0, b"\0"))
    with n.udp(None, dport=177) as t:  # version 2
        t.client(b"\0\2\0\2\0\1\0")
