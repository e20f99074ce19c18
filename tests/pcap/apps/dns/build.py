# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1035, 4: header, question, answer; over TCP behind two bytes of length. Recorded ones: ../../dns-*.
import struct

from talk import Captures

NAME = b"\x03www\x07example\x03org\0"


def query(flags=0x0100, extra=b""):
    return struct.pack("!HHHHHH", 0x1234, flags, 1, 0, 0, 0) + NAME + struct.pack("!HH", 1, 1) + extra


def answer():
    return struct.pack("!HHHHHH", 0x1234, 0x8180, 1, 1, 0, 0) + NAME + struct.pack("!HH", 1, 1) + \
        b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + bytes((192, 0, 2, 9))


def framed(message):
    return struct.pack("!H", len(message)) + message


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("dns", dport=53) as t:
        t.client(query())
        t.server(answer())
    with c.udp("dns", dport=5300, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(query())
    with c.tcp("dns", dport=53) as t:
        t.client(framed(query()))
        t.server(framed(answer()))
    n = captures.file("not.pcap")
    with n.udp(None, dport=5300) as t:  # a byte too many
        t.client(query(extra=b"x"))
    with n.udp(None, dport=53) as t:  # no such operation
        t.client(query(0x7900))
    with n.udp(None, dport=53) as t:  # a query with an error
        t.client(query(0x0103))
    with n.tcp(None, dport=53) as t:  # a length that is none
        t.client(b"\0\x05" + query())
