# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1058, 3.1 (version 1), RFC 2453, 4 (version 2), RFC 2080, 2.1 (RIPng).
import struct
from talk import Captures


def entry(metric=1, mask=b"\xff\xff\xff\0", family=2, tag=0, hop=bytes(4)):
    return struct.pack("!HH4s4s4sI", family, tag, b"\xc0\0\2\0", mask, hop, metric)


def ng(metric=1, length=32, prefix=b"\x20\1\x0d\xb8"):
    return prefix + bytes(12) + struct.pack("!HBB", 0, length, metric)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("rip", sport=520, dport=520, dst="224.0.0.9") as t:
        t.client(b"\2\2\0\0" + entry() + entry(16))
    with c.udp("rip", sport=520, dport=520, dst="10.0.0.255") as t:
        t.client(b"\2\1\0\0" + entry(mask=bytes(4)))
    with c.udp("rip", dport=520) as t:                      # everything, please
        t.client(b"\1\2\0\0" + bytes(16) + b"\0\0\0\x10")
    with c.udp("rip", sport=520, dport=520, dst="224.0.0.10") as t:
        t.client(b"\2\2\0\0\xff\xff\0\2secret" + bytes(10) + entry())
    with c.udp("rip", sport=521, dport=521, src="fe80::2", dst="ff02::9") as t:
        t.client(b"\2\1\0\0" + ng() + ng(255, 0, b"\xfe\x80\0\0") + ng(2))
    n = captures.file("not.pcap")
    with n.udp(None, sport=520, dport=520) as t:
        t.client(b"\2\2\0\0" + entry(17))
    with n.udp(None, sport=520, dport=521) as t:
        t.client(b"\2\1\0\0" + entry())                     # version 1 has no masks
    with n.udp(None, sport=520, dport=522) as t:
        t.client(b"\2\2\0\0" + entry() + b"\0")
    with n.udp(None, sport=520, dport=523) as t:
        t.client(b"\2\2\0\1" + entry())
    with n.udp(None, sport=520, dport=524) as t:
        t.client(b"\2\2\0\0" + entry(family=3))
    with n.udp(None, sport=521, dport=521, src="fe80::2", dst="ff02::9") as t:
        t.client(b"\2\1\0\0" + ng(length=129))
