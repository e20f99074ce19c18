# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 8415, 8 (messages), 9 (relays), 11 (DUIDs), 21 (options).
import struct
from talk import Captures


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


CLIENT = option(1, b"\0\1\0\1\x29\x12\x34\x56\2\0\0\0\0\1")
SERVER = option(2, b"\0\3\0\1\2\0\0\0\0\2")
REST = option(3, bytes(12)) + option(8, b"\0\0") + option(6, b"\0\x17\0\x18")
SOLICIT = b"\1\x12\x34\x56" + CLIENT + REST
LINK = {"src": "fe80::2", "dst": "ff02::1:2"}

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("dhcpv6", sport=546, dport=547, **LINK) as t:
        t.client(SOLICIT)
    with c.udp("dhcpv6", src="fe80::1", dst="fe80::2", sport=547, dport=546) as t:
        t.client(b"\2\x12\x34\x56" + SERVER + CLIENT)
    with c.udp("dhcpv6", sport=547, dport=547, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"\x0c\0" + bytes.fromhex("20010db8" + "00" * 12) + bytes.fromhex("fe80" + "00" * 13 + "02") +
                 option(18, b"eth0") + option(9, SOLICIT))
    with c.udp("dhcpv6", sport=546, dport=547, src="fe80::3", dst="ff02::1:2") as t:
        t.client((b"\1\x12\x34\x56" + option(8, b"\0\0") + CLIENT + REST)[:30], wire_length=4 + 6 + len(CLIENT + REST))
    n = captures.file("not.pcap")
    with n.udp(None, sport=546, dport=547, **LINK) as t:
        t.client(SOLICIT + b"\0")
    with n.udp(None, sport=546, dport=547, src="fe80::4", dst="ff02::1:2") as t:
        t.client(SOLICIT[:-1])
    with n.udp(None, sport=546, dport=547, src="fe80::5", dst="ff02::1:2") as t:
        t.client(b"\1\x12\x34\x56" + REST)                  # nobody's identifier
    with n.udp(None, sport=546, dport=547, src="fe80::6", dst="ff02::1:2") as t:
        t.client(b"\1\x12\x34\x56" + option(1, b"\0\x0f\0\1aaaaaaaa") + REST)
    with n.udp("!dhcpv6", sport=546, dport=547, src="fe80::7", dst="ff02::1:2") as t:
        t.client(b"\1" + bytes((i * 53 + 7) & 255 for i in range(80)))
