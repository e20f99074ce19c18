# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 6733, 3 (header), 4 (attributes).
import struct
from talk import Captures


def attribute(code, data, flags=0x40, vendor=b""):
    size = 8 + len(vendor) + len(data)
    return struct.pack("!IB", code, flags) + size.to_bytes(3, "big") + vendor + data + bytes(-size % 4)


def message(command, *attributes, flags=0x80, version=1, extra=0):
    body = b"".join(attributes)
    return (bytes([version]) + (20 + len(body) + extra).to_bytes(3, "big") + bytes([flags]) + command.to_bytes(3, "big") +
            struct.pack("!III", 0, 0x1234, 0x5678) + body)


ORIGIN = attribute(264, b"peer.example")
REALM = attribute(296, b"example")
VENDOR = attribute(266, b"\0\0\x28\xaf")
THREEGPP = attribute(1, b"abcdef", 0xC0, b"\0\0\x28\xaf")

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("diameter", dport=3868) as t:
        t.client(message(257, ORIGIN, REALM, VENDOR))
        t.server(message(257, attribute(268, b"\0\0\x07\xd1"), ORIGIN, REALM, flags=0))
    with c.tcp("diameter", dport=13868, midstream=True, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(message(272, ORIGIN, REALM, THREEGPP, flags=0x40))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=3868) as t:
        t.client(message(257, ORIGIN, REALM, version=2))
    with n.tcp(None, dport=3868) as t:
        t.client(message(257, ORIGIN, REALM, flags=0x81))
    with n.tcp(None, dport=3868) as t:
        t.client(message(257, attribute(264, b"peer.example", flags=0x41), REALM, VENDOR))
    with n.tcp(None, dport=3868) as t:
        t.client(message(257, ORIGIN[:-4] + REALM + VENDOR))
    with n.tcp(None, dport=3868) as t:
        t.client(message(257))
    with n.tcp("!diameter", dport=53) as t:                 # DNS, with a length of 0x0100 and more
        t.client(b"\1\0" + struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\7example\0\0\1\0\1" + bytes(250))
