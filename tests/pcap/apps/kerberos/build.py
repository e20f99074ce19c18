# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 4120, 5.4 to 5.9 (messages), 7.2 (UDP, and TCP with a length before each); RFC 3244 (passwords).
import struct
from talk import Captures


def tlv(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    return bytes([tag, 0x82]) + struct.pack("!H", len(body)) + body


def number(value):
    return tlv(2, bytes([value]))


def message(kind, rest, first=0):
    fields = tlv(0xa0 + first, number(5)) + tlv(0xa1 + first, number(kind)) + rest
    return tlv(0x60 + kind, tlv(0x30, fields))


def framed(data):
    return struct.pack("!I", len(data)) + data


def name(tag, kind, *parts):
    strings = b"".join(tlv(0x1b, p) for p in parts)
    return tlv(tag, tlv(0x30, tlv(0xa0, number(kind)) + tlv(0xa1, tlv(0x30, strings))))


body = tlv(0xa4, tlv(0x30, tlv(0xa0, tlv(3, b"\0@\0\0\x10")) + name(0xa1, 1, b"user") + tlv(0xa2, tlv(0x1b, b"EXAMPLE.ORG")) +
                     name(0xa3, 2, b"krbtgt", b"EXAMPLE.ORG") + tlv(0xa5, tlv(0x18, b"20300101000000Z")) +
                     tlv(0xa7, tlv(2, b"\x12\x34\x56\x78")) + tlv(0xa8, tlv(0x30, number(18) + number(17)))))
request = message(10, body, 1)
error = message(30, tlv(0xa4, tlv(0x18, b"20300101000000Z")) + tlv(0xa5, number(0)) + tlv(0xa6, number(25)) +
                tlv(0xa9, tlv(0x1b, b"EXAMPLE.ORG")) + name(0xaa, 2, b"krbtgt", b"EXAMPLE.ORG"))
reply = message(11, tlv(0xa3, tlv(0x1b, b"EXAMPLE.ORG")) + name(0xa4, 1, b"user") + tlv(0xa5, tlv(0x61, bytes(500))))
ap = message(14, tlv(0xa2, tlv(3, b"\0\0\0\0\0")) + tlv(0xa3, tlv(0x61, bytes(200))))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("kerberos", dport=88) as t:
        t.client(request)
        t.server(error)
    with c.udp("kerberos", dport=8888) as t:  # cut by a snap length
        t.server(reply[:54], len(reply))
    with c.tcp("kerberos", dport=88) as t:
        t.client(framed(message(12, body, 1)))
        t.server(framed(message(13, tlv(0xa3, tlv(0x1b, b"EXAMPLE.ORG")) + tlv(0xa5, tlv(0x61, bytes(2000))))))
    with c.tcp("kerberos", dport=88, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:
        t.server(framed(reply))
    with c.udp("kerberos", dport=464) as t:  # a new password
        t.client(struct.pack("!HHH", 6 + len(ap) + 40, 0xff80, len(ap)) + ap + bytes(40))
    with c.tcp("kerberos", dport=464) as t:
        t.client(framed(struct.pack("!HHH", 6 + len(ap) + 40, 1, len(ap)) + ap + bytes(40)))
        t.server(framed(struct.pack("!HHH", 6 + len(error), 1, 0) + error))
    n = captures.file("not.pcap")
    with n.udp(None, dport=88) as t:  # version 4
        t.client(b"\x04\x06" + b"user\0\0EXAMPLE.ORG\0" + bytes(8))
    with n.udp(None, dport=88) as t:  # the type is not the tag's
        t.client(request.replace(b"\xa2\x03\x02\x01\x0a", b"\xa2\x03\x02\x01\x0c"))
    with n.udp(None, dport=88) as t:  # more than it says
        t.client(request + b"\0")
    with n.tcp(None, dport=88) as t:  # the lengths differ
        t.client(struct.pack("!I", len(request) + 1) + request)
    with n.udp(None, dport=88) as t:  # a ticket by itself
        t.client(tlv(0x61, tlv(0x30, tlv(0xa0, number(5)) + tlv(0xa1, tlv(0x1b, b"EXAMPLE.ORG")))))
    with n.tcp(None, dport=88) as t:
        t.client(b"\0\0\0\x20" + bytes(32))
