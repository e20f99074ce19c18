# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1094, 1813, 7530: program 100003, versions 2 to 4, over RPC (RFC 5531, 9 and 11).
import struct
from talk import Captures

UNIX = struct.pack("!II", 1, 24) + struct.pack("!II4sII", 0, 4, b"host", 0, 0) + bytes(4) + bytes(8)


def call(xid, version, procedure, body=b""):
    return struct.pack("!IIIIII", xid, 0, 2, 100003, version, procedure) + UNIX + body


def reply(xid, body=b""):
    return struct.pack("!IIIIII", xid, 1, 0, 0, 0, 0) + body


def record(message, last=0x80000000):
    return struct.pack("!I", last | len(message)) + message


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("nfs", dport=2049) as t:
        t.client(call(0x4b1, 2, 4, bytes(32) + struct.pack("!I", 1) + b"a\0\0\0"))
        t.server(reply(0x4b1, bytes(100)))
    with c.tcp("nfs", dport=2049) as t:
        t.client(record(call(0x99, 4, 1, bytes(60))))
        t.server(record(reply(0x99, bytes(60))))
    with c.tcp("nfs", dport=12049, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:  # answers first
        t.server(record(reply(0x98, bytes(60))))
        t.client(record(call(0x99, 3, 7, bytes(900)), 0))
    with c.udp("nfs", dport=2049) as t:  # cut by a snap length
        t.client(call(0x4b2, 3, 7)[:40], 8300)
    n = captures.file("not.pcap")
    with n.udp("!nfs", dport=2049) as t:  # the mount protocol is not NFS
        t.client(struct.pack("!IIIIII", 1, 0, 2, 100005, 3, 0) + bytes(16))
    with n.udp(None, dport=2049) as t:  # version 9
        t.client(call(1, 9, 0))
    with n.udp(None, dport=2049) as t:
        t.client(struct.pack("!IIIIII", 1, 1, 2, 100003, 3, 0) + bytes(16))
    with n.tcp(None, dport=2049) as t:  # no record mark
        t.client(call(1, 3, 0))
