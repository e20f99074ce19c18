# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 5531, 9 (messages), 11 (record marking); RFC 1833 (port mapper, program 100000); RFC 1813, appendix I
# (mount, 100005), II (lock manager, 100021).
import struct
from talk import Captures

NOBODY = struct.pack("!IIII", 0, 0, 0, 0)
UNIX = struct.pack("!III", 1, 24, 0) + struct.pack("!I4sIII", 4, b"host", 0, 0, 0) + bytes(8)


def call(xid, program, version, procedure, body=b"", auth=NOBODY):
    return struct.pack("!IIIIII", xid, 0, 2, program, version, procedure) + auth + body


def reply(xid, body=b""):
    return struct.pack("!IIIIII", xid, 1, 0, 0, 0, 0) + body


def record(message):
    return struct.pack("!I", 0x80000000 | len(message)) + message


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("rpc", dport=111) as t:
        t.client(call(0x12345678, 100000, 2, 3, struct.pack("!IIII", 100003, 3, 17, 0)))
        t.server(reply(0x12345678, struct.pack("!I", 2049)))
    with c.udp("rpc", dport=20048) as t:  # mount, with credentials
        t.client(call(7, 100005, 3, 1, struct.pack("!I", 4) + b"/srv", UNIX))
    with c.udp("rpc", dport=999) as t:  # a program of somebody's own, and its answer
        t.client(call(0xabcdef01, 0x20001234, 1, 5))
        t.server(reply(0xabcdef01))
    with c.udp("rpc", dport=998) as t:  # answers alone
        for xid in (0x1001, 0x1002, 0x1003):
            t.server(reply(xid, bytes(8)))
    with c.tcp("rpc", dport=32803) as t:
        t.client(record(call(1, 100021, 4, 0)))
        t.server(record(reply(1)))
    with c.tcp("rpc", dport=997, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(record(call(0x55aa, 0x20001234, 1, 5)))
        t.server(record(reply(0x55aa)))
    with c.tcp("rpc", dport=996, midstream=True) as t:  # denied: no credentials
        t.client(record(call(0x55ab, 0x20001234, 1, 5)))
        t.server(record(struct.pack("!IIIII", 0x55ab, 1, 1, 1, 5) + bytes(4)))
    n = captures.file("not.pcap")
    with n.udp(None, dport=111) as t:  # a program that nobody knows, and no answer
        t.client(call(1, 0x20001234, 1, 5))
    with n.udp(None, dport=111) as t:  # an answer with another number
        t.client(call(1, 0x20001234, 1, 5))
        t.server(reply(2))
    with n.udp(None, dport=111) as t:  # version 3 of RPC
        t.client(struct.pack("!IIIIII", 1, 0, 3, 100000, 2, 3) + NOBODY)
    with n.udp(None, dport=111) as t:  # credentials whose length is not a multiple of 4
        t.client(call(1, 100000, 2, 3, auth=struct.pack("!IIII", 1, 5, 0, 0)))
    with n.tcp(None, dport=111) as t:  # the record is shorter than a call
        t.client(struct.pack("!I", 0x80000000 | 8) + call(1, 100000, 2, 3))
    with n.tcp(None, dport=111) as t:  # zeros
        t.client(bytes(64))
    with n.udp(None, dport=111) as t:
        t.server(reply(1))
