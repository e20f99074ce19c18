# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 2131, 2 (message), RFC 2132 (options), RFC 951 (BOOTP, without options).
import struct
from talk import Captures

COOKIE = bytes.fromhex("63825363")


def message(op, options=b"\x35\1\1\xff", flags=0, cookie=COOKIE):
    return (bytes([op, 1, 6, 0]) + b"\x12\x34\x56\x78" + struct.pack("!HH", 3, flags) + bytes(16) +
            b"\2\0\0\0\0\x01" + bytes(10) + bytes(192) + cookie + options)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("dhcp", src="0.0.0.0", sport=68, dst="255.255.255.255", dport=67) as t:
        t.client(message(1, b"\x35\1\1\x37\4\1\3\6\x0f\xff" + bytes(50), 0x8000))
    with c.udp("dhcp", src="192.0.2.1", sport=67, dst="10.0.0.2", dport=68) as t:
        t.client(message(2, b"\x35\1\2\x36\4\xc0\0\2\1\xff"))
    with c.udp("dhcp", sport=67, dport=67) as t:            # BOOTP of 300 bytes, nothing in the vendor's area
        t.client(message(1, bytes(60), cookie=bytes(4)))
    with c.udp("dhcp", sport=68, dport=67) as t:            # a capture that ends early
        t.client(message(1)[:64], wire_length=300)
    n = captures.file("not.pcap")
    with n.udp(None, sport=68, dport=67) as t:
        t.client(message(1, cookie=bytes.fromhex("63825364")))
    with n.udp(None, sport=68, dport=67) as t:
        t.client(message(3))
    with n.udp(None, sport=68, dport=67) as t:
        t.client(message(1, flags=0x8001))
    with n.udp(None, sport=68, dport=67) as t:
        t.client(message(1)[:200])
    with n.udp("!dhcp", sport=68, dport=67) as t:
        t.client(bytes((i * 53 + 7) & 255 for i in range(300)))
