# SPDX-License-Identifier: GPL-2.0-or-later
# Cisco's NetFlow export formats 1, 5, 7; RFC 3954 (version 9); RFC 7011 (IPFIX).
import struct
from talk import Captures

NOW = 1700000000
RECORD = bytes(range(12)) + b"\0\1\0\2" + bytes(20) + b"\1\2\3\4\0\x10\6\0" + bytes(4)


def fixed(version, count, header, record, nanoseconds=5):
    head = struct.pack("!HHIII", version, count, 123456, NOW, nanoseconds)
    return head + bytes(header - 16) + (RECORD + bytes(4))[:record] * count


def one(count, pad=0):
    record = bytes(range(1, 37)) + struct.pack("!H", pad) + b"\6\0\x10" + bytes(11)
    return struct.pack("!HHIII", 1, count, 123456, NOW, 5) + record * count


def nine(*sets):
    return struct.pack("!HHIIII", 9, len(sets), 5000, NOW, 77, 1) + b"".join(sets)


def ten(*sets):
    body = b"".join(sets)
    return struct.pack("!HHIII", 10, 16 + len(body), NOW, 77, 1) + body


def part(number, data):
    return struct.pack("!HH", number, 4 + len(data)) + data


TEMPLATE = struct.pack("!HHHHHH", 256, 2, 8, 4, 12, 4)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    for version, header, record in ((5, 24, 48), (7, 24, 52)):
        with c.udp("netflow", dport=2055) as t:
            t.client(fixed(version, 3, header, record))
    with c.udp("netflow", dport=2055) as t:
        t.client(one(2))
    with c.udp("netflow", dport=9995) as t:
        t.client(nine(part(0, TEMPLATE), part(256, bytes(24))))
    with c.udp("netflow", dport=4739, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(ten(part(2, TEMPLATE), part(256, bytes(24))))
    with c.udp("netflow", dport=4739) as t:
        t.client(ten(part(256, bytes(20))))
    with c.udp("netflow", dport=2055) as t:
        t.client(fixed(5, 20, 24, 48)[:60], wire_length=24 + 20 * 48)
    n = captures.file("not.pcap")
    with n.udp(None, dport=2055) as t:
        t.client(fixed(5, 3, 24, 48) + b"\0")
    with n.udp(None, dport=2055) as t:
        t.client(fixed(5, 3, 24, 48, nanoseconds=3000000000))
    with n.udp(None, dport=2055) as t:
        t.client(one(2, pad=9))
    with n.udp(None, dport=2055) as t:
        t.client(nine(part(0, TEMPLATE), part(17, bytes(24))))
    with n.udp(None, dport=2055) as t:
        t.client(nine(part(0, TEMPLATE), part(256, bytes(24)))[:-2])
    with n.udp(None, dport=4739) as t:
        t.client(ten(part(2, TEMPLATE)) + bytes(4))
    with n.udp("!netflow", dport=2055) as t:                # STUN, whose first 16 bits are 1
        t.client(bytes.fromhex("000100002112a442") + bytes(range(12)))
