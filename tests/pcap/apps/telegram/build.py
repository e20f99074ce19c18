# SPDX-License-Identifier: GPL-2.0-or-later
# core.telegram.org/mtproto/mtproto-transports, /mtproto/auth_key; libtgvoip and tgcalls for reflectors.
import struct
from talk import Captures

REQ = struct.pack("<QQII", 0, 0x5E1F0A0000000004, 20, 0xBE7E8EF1) + bytes(range(16))
KEY, OTHER = bytes(range(30, 38)), bytes(range(60, 68))
TAG = bytes(range(16))


def short(body):
    return bytes([len(body) // 4]) + body if len(body) < 508 else b"\x7f" + struct.pack("<I", len(body) // 4)[:3] + body


def long(body):
    return struct.pack("<I", len(body)) + body


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("telegram", dport=443) as t:
        t.client(b"\xef" + short(REQ)).server(short(struct.pack("<QQII", 0, 1, 4, 0x05162463)))
    with c.tcp("telegram", dport=80) as t:
        t.client(b"\xee\xee\xee\xee" + long(REQ))
    with c.tcp("telegram", dport=5222) as t:
        t.client(b"\xdd\xdd\xdd\xdd" + long(REQ + b"\1\2\3"))
    with c.tcp("telegram", dport=443) as t:  # both sides under one key
        t.client(b"\xef" + short(KEY + bytes(range(96)))).server(short(KEY + bytes(range(100, 180))))
    with c.tcp("telegram", dport=443) as t:  # one side, twice
        t.client(b"\xef" + short(KEY + bytes(600)) + short(KEY + bytes(96)))
    with c.udp("telegram", dport=533) as t:
        t.client(TAG + b"\xff" * 12 + b"\xfe\xff\xff\xff" + bytes(range(8)))
    with c.udp("telegram", dport=534) as t:
        t.client(TAG + b"\xff" * 16)
    with c.udp("telegram", dport=535) as t:
        t.server(TAG + b"\xff" * 12 + struct.pack("<I", 0xC01572C7) + bytes(32))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=443) as t:  # obfuscated: noise
        t.client(bytes(i * 41 + 3 & 255 for i in range(64))).server(bytes(i * 29 & 255 for i in range(64)))
    with n.tcp(None, dport=443) as t:  # two keys
        t.client(b"\xef" + short(KEY + bytes(range(96)))).server(short(OTHER + bytes(range(100, 180))))
    with n.tcp(None, dport=443) as t:
        t.client(b"\xef" + short(KEY + bytes(96)) + short(OTHER + bytes(96)))
    with n.tcp(None, dport=443) as t:  # in the clear, and no such question
        t.client(b"\xef" + short(REQ.replace(b"\xf1\x8e\x7e\xbe", b"\xf1\x8e\x7e\xbf")))
    with n.udp(None, dport=533) as t:  # eleven
        t.client(TAG + b"\xff" * 11 + b"\0\xfe\xff\xff\xff" + bytes(8))
    with n.udp(None, dport=533) as t:
        t.client(b"\xff" * 40)
    with n.udp(None, dport=533) as t:
        t.client(TAG + b"\xff" * 12 + b"\1\2\3\4" + bytes(8))
