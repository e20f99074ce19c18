# SPDX-License-Identifier: GPL-2.0-or-later
# wiki.vg "Protocol" (handshaking, status, login), "Server List Ping" 1.6.
import struct
from talk import Captures


def varint(value):
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def handshake(host, port, wants, version=763):
    body = b"\0" + varint(version) + varint(len(host)) + host + struct.pack("!H", port) + bytes([wants])
    return varint(len(body)) + body


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("minecraft", dport=25565) as t:
        t.client(handshake(b"mc.example.org", 25565, 1) + b"\1\0").server(b"\x15\0\x13{\"description\":\"x\"}\n"[:22])
    with c.tcp("minecraft", dport=1150) as t:
        t.client(handshake(b"192.0.2.9\0FML\0", 1150, 2)).client(b"\x06\0\4Test")
    with c.tcp("minecraft", dport=1151) as t:  # a snapshot's version, a long name
        t.client(handshake(b"a" * 140 + b".example.org", 1151, 1, 0x40000099) + b"\1\0")
    with c.tcp("minecraft", dport=1152) as t:
        t.client(b"\xfe\1\xfa\0\x0b" + "MC|PingHost".encode("utf-16-be") + b"\0\7\x4a\0\0\0\0\x63\xdd")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=25565) as t:  # it wants nothing that there is
        t.client(handshake(b"mc.example.org", 25565, 9) + b"\1\0")
    with n.tcp(None, dport=25565) as t:
        t.client(handshake(b"mc.example.org", 25565, 1) + b"\1\1")
    with n.tcp(None, dport=25565) as t:  # lengths disagree
        whole = bytearray(handshake(b"mc.example.org", 25565, 1) + b"\1\0")
        whole[4] += 1
        t.client(bytes(whole))
    with n.tcp(None, dport=25565) as t:
        t.client(handshake(b"mc.example.org", 25565, 1))
    with n.tcp(None, dport=25565) as t:  # a list's question without the text
        t.client(b"\xfe\1")
