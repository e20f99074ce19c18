# SPDX-License-Identifier: GPL-2.0-or-later
# "The Gnutella Protocol Specification" 0.4 and 0.6 (RFC-Gnutella); Gnutella2's "UDP transceiver".
import struct
from talk import Captures

GUID = bytes(range(1, 9)) + b"\xff" + bytes(range(10, 16)) + b"\0"
OLD = bytes(range(1, 17))


def descriptor(kind, body=b"", ttl=1, hops=0, guid=GUID):
    return guid + struct.pack("<BBBI", kind, ttl, hops, len(body)) + body


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("gnutella", dport=6346) as t:
        t.client(b"GNUTELLA CONNECT/0.6\r\nUser-Agent: Test\r\n\r\n").server(b"GNUTELLA/0.6 200 OK\r\n\r\n")
    with c.tcp("gnutella", dport=1130, midstream=True) as t:
        t.server(b"GNUTELLA/0.6 503 Full\r\n\r\n")
    with c.tcp("gnutella", dport=1131) as t:
        t.client(b"GIV 7:0123456789ABCDEF0123456789ABCDEF/name\n\n")
    with c.tcp("gnutella", dport=1132, midstream=True) as t:  # descriptors
        t.client(descriptor(0x80, b"\0\0test\0") + descriptor(0, ttl=7))
    with c.udp("gnutella", dport=6346) as t:
        t.client(descriptor(0)).server(descriptor(1, struct.pack("<H4sII", 6346, b"\xc0\0\2\1", 5, 6)))
    with c.udp("gnutella", dport=1133) as t:  # a vendor's message alone, old identifier
        t.client(descriptor(0x31, b"LIME\x0b\0\1\0\1", guid=OLD))
    with c.udp("gnutella", dport=1134) as t:  # two empty ones
        t.client(descriptor(0, guid=OLD, ttl=7)).client(descriptor(0, guid=bytes(range(200, 216)), ttl=7))
    with c.udp("gnutella", dport=1137) as t:  # a random identifier, one hop to go
        t.client(descriptor(0, guid=OLD))
    with c.udp("gnutella", dport=1138) as t:  # LimeWire's reliable datagrams
        t.client(descriptor(0x41, guid=b"\x07\x10\0\1" + bytes(12)))
    with c.udp("gnutella", dport=1135) as t:
        t.client(b"GND\2\0\7\1\1\x08PI")
    with c.udp("gnutella", dport=1136) as t:
        t.server(b"GND\0\0\7\1\0")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=6346) as t:
        t.client(b"GNUTELLA DISCONNECT/0.6\r\n\r\n")
    with n.tcp(None, dport=6346) as t:
        t.client(b"GIV 7:not hexadecimal at all\n\n")
    with n.udp(None, dport=6346) as t:  # an empty ping, whose identifier is none
        t.client(descriptor(0, guid=bytes(12) + b"abcd"))
    with n.udp(None, dport=6346) as t:  # or goes far
        t.client(descriptor(0, guid=OLD, ttl=7))
    with n.udp(None, dport=6346) as t:  # the length disagrees
        t.client(descriptor(0x31, b"LIME\x0b\0\1\0\1") + b"\0")
    with n.udp(None, dport=6346) as t:  # too many hops
        t.client(descriptor(0x31, b"LIME\x0b\0\1\0\1", ttl=99))
    with n.udp(None, dport=6346) as t:  # part 2 of 1
        t.client(b"GND\2\0\7\2\1\x08PI")
    with n.udp(None, dport=6346) as t:
        t.client(b"GNDX\0\7\1\1\x08PI")
    with n.udp(None, dport=6346) as t:
        t.client(bytes(23))
