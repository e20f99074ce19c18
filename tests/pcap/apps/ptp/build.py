# SPDX-License-Identifier: GPL-2.0-or-later
# IEEE 1588-2008, 13.3 (header), annex D and E (UDP); IEEE 1588-2002, 8.2 (version 1).
import struct
from talk import Captures


def v2(kind, length, control, version=2, extra=b"", interval=0, reserved=0):
    head = struct.pack("!BBHBBHqI", kind, version, length, 0, 0, 0x0200, 0, reserved)
    head += b"\0\x1b\x19\xff\xfe\0\0\1\0\1" + struct.pack("!HBB", 99, control, interval)
    return head + bytes(length - len(head)) + extra


def v1(kind, control, length):
    head = struct.pack("!HH16sBB6sHHBxH4x", 1, 1, b"_DFLT", kind, 1, b"\0\x1b\x19\0\0\1", 1, 7, control, 8)
    return head + bytes(length - len(head))


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("ptp", sport=319, dport=319, dst="224.0.1.129") as t:
        t.client(v2(0, 44, 0))
    with c.udp("ptp", sport=320, dport=320, dst="224.0.1.129") as t:
        t.client(v2(8, 44, 2))
        t.client(v2(0xB, 64, 5, interval=1))
    with c.udp("ptp", sport=319, dport=319, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(v2(1, 44, 1, extra=b"\0\0", interval=0x7F))
    with c.udp("ptp", sport=320, dport=320, dst="224.0.1.130") as t:
        t.client(v2(0xB, 64, 0, version=0x12, reserved=0x1234))
    with c.udp("ptp", sport=319, dport=319, dst="224.0.1.131") as t:
        t.client(v1(1, 0, 124))
    with c.udp("ptp", sport=320, dport=320, dst="224.0.1.131") as t:
        t.client(v1(2, 2, 52))
    n = captures.file("not.pcap")
    with n.udp(None, sport=319, dport=319) as t:
        t.client(v2(0, 44, 1))                              # the control field of another type
    with n.udp(None, sport=320, dport=319) as t:
        t.client(v2(0, 45, 0)[:44])
    with n.udp(None, sport=320, dport=320) as t:
        t.client(v2(7, 44, 5))
    with n.udp(None, sport=321, dport=320) as t:
        t.client(v2(0, 44, 0, version=3))
    with n.udp(None, sport=322, dport=320) as t:
        t.client(v2(0, 44, 0, reserved=1))
    with n.udp(None, sport=323, dport=320) as t:
        t.client(v1(2, 2, 53))
    with n.udp("!ptp", sport=324, dport=320) as t:
        t.client(bytes((i * 53 + 7) & 255 for i in range(44)))
