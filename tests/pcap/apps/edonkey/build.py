# SPDX-License-Identifier: GPL-2.0-or-later
# "The eMule Protocol Specification" (Kulbak, Bickson, 2005), eMule's opcodes.h, Kademlia2.
import struct, zlib
from talk import Captures

HASH = bytes(range(5)) + b"\x0e" + bytes(range(6, 14)) + b"\x6f\x0f"
TAG = b"\2\1\0\1" + struct.pack("<H", 4) + b"test"
HELLO = b"\x10" + HASH + b"\xc0\0\2\1" + struct.pack("<HI", 4662, 2) + TAG + b"\3\1\0\x11" + struct.pack("<I", 60) + bytes(6)


def message(opcode, body, mark=0xE3):
    return struct.pack("<BIB", mark, len(body) + 1, opcode) + body


def kad(opcode, body=b"", mark=0xE4):
    return bytes([mark, opcode]) + body


TARGET = bytes(range(40, 56))
CONTACT = bytes(range(16)) + b"\xc0\0\2\1" + struct.pack("<HHB", 4672, 4662, 8)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("edonkey", dport=4662) as t:
        t.client(message(1, HELLO)).server(message(0x4C, HELLO[1:]))
    with c.tcp("edonkey", dport=1120) as t:  # a hello alone
        t.client(message(1, HELLO))
    with c.tcp("edonkey", dport=4661) as t:  # a server
        t.client(message(1, HASH + bytes(4) + struct.pack("<HI", 4662, 1) + TAG))
        t.server(message(0x38, b"\7\0welcome") + message(0x40, b"\1\2\3\4"))
    with c.tcp("edonkey", dport=1121, midstream=True) as t:  # one side within a message
        t.client(bytes(30)).server(message(0x60, bytes(12), 0xC5) + message(0x40, zlib.compress(bytes(50)), 0xD4))
    with c.udp("edonkey", dport=4672) as t:
        t.client(kad(0x21, b"\2" + TARGET + HASH)).server(kad(0x29, TARGET + b"\2" + CONTACT * 2))
    with c.udp("edonkey", dport=4673) as t:  # the port comes back
        t.client(kad(0x60)).server(kad(0x61, struct.pack("<H", 40006)))
    with c.udp("edonkey", dport=4674) as t:  # a greeting with tags
        t.client(kad(0x11, HASH + struct.pack("<HBB", 4662, 8, 1) + b"\x09\1\0\xfc\1"))
    with c.udp("edonkey", dport=4675) as t:
        t.client(kad(1)).server(kad(9, HASH + struct.pack("<HBH", 4662, 8, 3) + CONTACT * 3))
    with c.udp("edonkey", dport=4676) as t:
        t.client(kad(0x28, zlib.compress(bytes(90)), 0xE5)).server(kad(0x08, zlib.compress(bytes(91)), 0xE5))
    with c.udp("edonkey", dport=4665) as t:  # a server's state, by a challenge
        t.client(kad(0x96, b"\x11\x22\xaa\x55", 0xE3)).server(kad(0x97, b"\x11\x22\xaa\x55" + bytes(8), 0xE3))
    with c.udp("edonkey", dport=4677) as t:  # sources of a file, by its hash
        t.client(kad(0x9a, HASH, 0xE3)).server(kad(0x9b, HASH + b"\1\xc0\0\2\1\x36\x12", 0xE3))
    n = captures.file("not.pcap")
    with n.udp(None, dport=4673) as t:  # questions alone, though of two targets
        t.client(kad(0x21, b"\x0b" + TARGET + HASH)).client(kad(0x21, b"\4" + HASH + TARGET))
    with n.udp(None, dport=4673) as t:  # another port
        t.client(kad(0x60)).server(kad(0x61, struct.pack("<H", 1)))
    with n.udp(None, dport=4677) as t:  # a hash, and two bytes
        t.client(kad(0x90, HASH, 0xC5)).server(kad(0x92, b"", 0xC5)).client(kad(0x90, TARGET, 0xC5))
    with n.tcp(None, dport=4662) as t:  # one header is not enough
        t.client(message(0x58, TARGET))
    with n.tcp(None, dport=4662) as t:  # the second is none
        t.client(message(0x58, TARGET) + b"\xe2\1\0\0\0\1")
    with n.tcp(None, dport=4662) as t:
        t.client(message(0x58, TARGET)).server(b"HTTP/1.0 400\r\n")
    with n.tcp(None, dport=4662) as t:  # an opcode that is none
        t.client(message(0xEE, HELLO)).server(message(0x4C, HELLO[1:]))
    with n.tcp(None, dport=4662) as t:
        t.client(b"\xe3\0\0\0\x40\1")
    with n.udp(None, dport=4672) as t:
        t.client(kad(0x21, b"\2" + TARGET + HASH))
    with n.udp(None, dport=4672) as t:  # the same again says nothing new
        t.client(kad(0x21, b"\2" + TARGET + HASH)).client(kad(0x21, b"\2" + TARGET + HASH))
    with n.udp(None, dport=4672) as t:  # a search for nothing that there is
        t.client(kad(0x21, b"\7" + TARGET + HASH)).client(kad(0x21, b"\7" + HASH + TARGET))
    with n.udp(None, dport=4672) as t:  # the count disagrees
        t.client(kad(0x21, b"\2" + TARGET + HASH)).server(kad(0x29, TARGET + b"\3" + CONTACT * 2))
    with n.udp(None, dport=4672) as t:
        t.client(b"\xe4").server(b"\xe4\x61")
