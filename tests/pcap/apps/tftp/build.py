# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1350, 5 (packets), RFC 2347 (options).
import struct
from talk import Captures


def data(block, size=512):
    return struct.pack("!HH", 3, block) + bytes((block + i) & 255 for i in range(size))


def ack(block):
    return struct.pack("!HH", 4, block)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("tftp", dport=69) as t:
        t.client(b"\0\1pxelinux.0\0octet\0")
    with c.udp("tftp", dport=69) as t:
        t.client(b"\0\2up.cfg\0NetASCII\0tsize\x000\0blksize\x001428\0")
    with c.udp("tftp", src="192.0.2.9", sport=50001, dst="10.0.0.2", dport=40001) as t:   # the data, from another port
        t.client(data(1))
        t.server(ack(1))
        t.client(data(2, 100))
        t.server(ack(2))
    with c.udp("tftp", src="192.0.2.9", sport=50002, dst="10.0.0.2", dport=40002) as t:
        t.client(b"\0\6tsize\x001234\0blksize\x001428\0")
        t.server(ack(0))
    with c.udp("tftp", src="192.0.2.9", sport=50003, dst="10.0.0.2", dport=40003) as t:   # one side of it
        for block in (7, 8, 9):
            t.client(data(block))
    with c.udp("tftp", sport=40004, dport=50004) as t:
        t.client(ack(7))
        t.client(ack(8))
    with c.udp("tftp", src="192.0.2.9", sport=50005, dst="10.0.0.2", dport=40005) as t:
        t.client(b"\0\5\0\1File not found\0")
    n = captures.file("not.pcap")
    with n.udp(None, dport=69) as t:
        t.client(b"\0\1pxelinux.0\0binary\0")
    with n.udp(None, dport=69) as t:
        t.client(b"\0\1pxe\1linux.0\0octet\0")
    with n.udp(None, dport=69) as t:
        t.client(b"\0\1pxelinux.0\0octet\0blk\1\0")
    with n.udp(None, dport=69) as t:                        # one block, and nobody confirms it
        t.client(data(1))
    with n.udp(None, dport=69) as t:
        t.client(data(1))
        t.server(ack(5))
    with n.udp(None, dport=69) as t:                        # numbers that do not count on
        t.client(ack(1))
        t.client(ack(9))
    with n.udp(None, dport=69) as t:
        t.client(b"\0\5\0\x0cFile not found\0")
    with n.udp(None, dport=69) as t:
        t.client(ack(1) + b"x")
        t.client(ack(2) + b"x")
