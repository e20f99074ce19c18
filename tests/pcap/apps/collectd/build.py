# SPDX-License-Identifier: GPL-2.0-or-later
# collectd's wiki, "Binary protocol".
import struct
from talk import Captures


def part(kind, data):
    return struct.pack("!HH", kind, 4 + len(data)) + data


def text(kind, word):
    return part(kind, word + b"\0")


def values(count):
    return part(6, struct.pack("!H", count) + b"\1" * count + bytes(8 * count))


HOST = text(0, b"router.example")
TIME = part(8, struct.pack("!Q", 0x18AA874808818DF4)) + part(9, struct.pack("!Q", 10 << 30))
LIST = HOST + TIME + text(2, b"cpu") + text(3, b"0") + text(4, b"cpu") + text(5, b"idle") + values(1)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("collectd", dport=25826, dst="239.192.74.66") as t:
        t.client(LIST)
    with c.udp("collectd", dport=25826) as t:               # a notification
        t.client(HOST + part(1, bytes(4) + b"\x65\x53\xf1\0") + part(0x101, bytes(7) + b"\2") + text(0x100, b"it burns"))
    with c.udp("collectd", dport=9000) as t:                # signed
        t.client(part(0x200, bytes(range(100, 132)) + b"user") + LIST)
    with c.udp("collectd", dport=25826, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(part(0x210, b"\0\4user" + bytes((i * 53 + 7) & 255 for i in range(100))))
    with c.udp("collectd", dport=25826) as t:
        t.client(LIST[:40], wire_length=len(LIST))
    n = captures.file("not.pcap")
    with n.udp(None, dport=25826) as t:
        t.client(LIST + b"\0")
    with n.udp(None, dport=25826) as t:
        t.client(LIST.replace(b"cpu\0", b"cp\0u", 1))
    with n.udp(None, dport=25826) as t:
        t.client(HOST + part(7, bytes(9)))
    with n.udp(None, dport=25826) as t:
        t.client(HOST + TIME + part(0x4242, b"abcd") * 3)
    with n.udp(None, dport=25826) as t:
        t.client(part(0x210, b"\0\4us\1r" + bytes(100)))
    with n.udp(None, dport=25826) as t:
        t.client(part(0x210, b"\0\4user" + bytes(100)) + b"x")
