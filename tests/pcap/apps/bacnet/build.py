# SPDX-License-Identifier: GPL-2.0-or-later
# ASHRAE 135 annex J (BVLL), annex U (IPv6), 6.2 (NPDU), 20.1 (APDU).
import struct
from talk import Captures

def bvll(function, body, kind=0x81, length=None):
    return struct.pack(">BBH", kind, function, 4 + len(body) if length is None else length) + body

WHO_IS = bytes.fromhex("0120ffff00ff1008")
I_AM = bytes.fromhex("0120ffff00ff1000c4020004d22201e09103210f")
READ = bytes.fromhex("0104" "0005" "01" "0c" "0c0200000019 55".replace(" ", ""))
ANSWER = bytes.fromhex("0100" "30010c" "0c0200000019553e44000000003f")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("bacnet", dport=47808, sport=47808) as t:
        t.client(bvll(0x0B, WHO_IS))
        t.server(bvll(0x0A, I_AM))
    with c.udp("bacnet", dport=47809) as t:
        t.client(bvll(0x0A, READ))
        t.server(bvll(0x0A, ANSWER))
    with c.udp("bacnet", dport=47808) as t:  # a foreign device registers
        t.client(bvll(0x05, b"\0\x3c"))
        t.server(bvll(0x00, b"\0\0"))
    with c.udp("bacnet", dport=47808) as t:  # forwarded
        t.server(bvll(0x04, bytes([192, 0, 2, 9, 0xBA, 0xC0]) + I_AM))
    with c.udp("bacnet", dport=47808) as t:  # who is the router to a network
        t.client(bvll(0x0B, bytes.fromhex("018000")))
    with c.udp("bacnet", dport=47808, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(bvll(0x02, b"\0\0\7" + WHO_IS, kind=0x82))
    n = captures.file("not.pcap")
    with n.udp(None, dport=47808) as t:
        t.client(bvll(0x0B, WHO_IS, length=13))
    with n.udp(None, dport=47808) as t:  # version 2
        t.client(bvll(0x0B, b"\2" + WHO_IS[1:]))
    with n.udp(None, dport=47808) as t:  # reserved bits
        t.client(bvll(0x0A, b"\1\x50" + READ[2:]))
    with n.udp(None, dport=47808) as t:
        t.client(bvll(0x0A, b"\1\0\xf0\1\2\3"))
    with n.udp(None, dport=47808) as t:
        t.client(bvll(0x00, b"\0\1"))
