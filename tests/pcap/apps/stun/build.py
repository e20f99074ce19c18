# SPDX-License-Identifier: GPL-2.0-or-later
# STUN (RFC 3489, 8489), TURN (RFC 8656) and its framing over TCP (RFC 4571, [MS-TURN] 2.2).
import struct
from talk import Captures

COOKIE = bytes.fromhex("2112a442")
ID = bytes(range(0x41, 0x4d))
ID16 = bytes(range(0x90, 0xa0))


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(kind, attributes=b"", transaction=COOKIE + ID):
    return struct.pack("!HH", kind, len(attributes)) + transaction + attributes


def address(kind, port=40000, host=b"\x0a\0\0\2"):
    return attribute(kind, struct.pack("!HH", 1, port) + host)


USER = attribute(0x0006, b"ab:cd")
# DTLS 1.2: a ClientHello (RFC 6347), enough of it to be one
body = bytes.fromhex("fefd") + bytes(range(32)) + b"\0\0" + struct.pack("!H", 2) + b"\xc0\x2b" + b"\1\0"
hello = bytes([1]) + len(body).to_bytes(3, "big") + b"\0\0" + b"\0\0\0" + len(body).to_bytes(3, "big") + body
DTLS = b"\x16\xfe\xff" + bytes(8) + struct.pack("!H", len(hello)) + hello


def rtp(number):
    return struct.pack("!BBHII", 0x80, 111, 100 + number, 960 * number, 0x12345678) + bytes(40)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("stun", dport=3478) as t:  # nothing but the header
        t.client(message(0x0001))
    with c.udp("stun", dport=3478) as t:  # only the server is seen
        t.server(message(0x0101, address(0x0020)))
    with c.udp("stun|rtp", dport=50000) as t:  # ICE, then media: what STUN has named
        t.client(message(0x0001, USER))
        t.server(message(0x0101, address(0x0020)))
        for number in range(5):
            t.client(rtp(number))
    with c.udp("dtls", dport=50000) as t:  # ICE, then DTLS, which is the upper layer
        t.client(message(0x0001, USER))
        t.server(message(0x0101, address(0x0020)))
        t.client(DTLS)
    with c.udp("stun", dport=3478) as t:  # RFC 3489: no cookie, an attribute
        t.client(message(0x0001, attribute(3, bytes(4)), ID16))
    with c.udp("stun", dport=3478) as t:  # no cookie, no attribute: the answer brings the id back
        t.client(message(0x0001, b"", ID16))
        t.server(message(0x0101, address(1) + address(4) + address(5), ID16))
    with c.udp("stun", dport=3478) as t:  # TURN: allocation and a channel
        t.client(message(0x0003, attribute(0x0019, b"\x11\0\0\0")))
        t.server(message(0x0113, attribute(0x0009, b"\0\0\4\1Unauthorized")))
    with c.udp("stun", dport=3478) as t:  # a channel from the middle: a binding in it
        inner = message(0x0001, USER)
        t.client(struct.pack("!HH", 0x4001, len(inner)) + inner)
    with c.udp("stun", dport=3478) as t:  # a channel from the middle: DTLS in it
        t.server(struct.pack("!HH", 0x4001, len(DTLS)) + DTLS)
    with c.udp("stun", dport=3478) as t:  # cut by the capture
        t.client(message(0x0001, USER)[:24], wire_length=len(message(0x0001, USER)))
    with c.udp("stun", dport=3480) as t:  # WhatsApp's own methods keep the cookie
        t.client(message(0x0800))
    with c.tcp("stun", dport=3478) as t:  # two messages in one segment
        t.client(message(0x0003, attribute(0x0019, b"\x11\0\0\0")) * 2)
    with c.tcp("stun", dport=443, midstream=True) as t:  # RFC 4571: the length before
        m = message(0x0001, USER)
        t.client(struct.pack("!H", len(m)) + m)
    with c.tcp("stun", dport=443) as t:  # [MS-TURN]: type and length before, a cookie of its own
        m = message(0x0003, attribute(0x000f, bytes.fromhex("72c64bc6")) + attribute(0x0008, bytes(20)), ID16)
        t.client(b"\2\0" + struct.pack("!H", len(m)) + m)
    with c.udp("stun", dport=3478, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(message(0x0001))

    n = captures.file("not.pcap")
    with n.udp(None, dport=3478) as t:  # no cookie, no attribute, no answer
        t.client(message(0x0001, b"", ID16))
    with n.udp(None, dport=3478) as t:  # the answer is to another question
        t.client(message(0x0001, b"", ID16))
        t.server(message(0x0101, b"", ID16[::-1]))
    with n.udp(None, dport=3478) as t:  # the length is another
        t.client(message(0x0001, USER)[:-4])
    with n.udp(None, dport=3478) as t:  # the attribute runs out of the message
        t.client(message(0x0001, struct.pack("!HH", 6, 9) + b"abcd", ID16))
    with n.udp(None, dport=3478) as t:  # an address of no family
        t.server(message(0x0101, attribute(1, bytes.fromhex("0007ffff0a000002")), ID16))
    with n.udp("!stun", dport=2123) as t:  # GTPv2: an echo and its answer look like channel data
        t.client(bytes.fromhex("400100090000010003000100aa"))
        t.server(bytes.fromhex("400200090000010003000100aa"))
    with n.tcp(None, dport=3478) as t:
        t.client(b"\0\1\0\0" + bytes(16))
    with n.tcp("!stun", dport=3478) as t:
        t.client(b"GET / HTTP/1.0\r\n\r\n")
