# SPDX-License-Identifier: GPL-2.0-or-later
# RakNet 4: MessageIdentifiers.h, RakPeer.cpp (offline messages), ReliabilityLayer.cpp (frames).
import struct
from talk import Captures

MAGIC = bytes.fromhex("00ffff00fefefefefdfdfdfd12345678")
GUID, TIME = struct.pack("!Q", 0x1122334455667788), struct.pack("!Q", 1234567)


def frames(number, *bodies):
    out = bytes([0x84]) + struct.pack("<I", number)[:3]
    for body in bodies:
        out += b"\x60" + struct.pack("!H", len(body) * 8) + b"\1\0\0" + b"\2\0\0\0" + body
    return out


def ack(*numbers):
    return b"\xc0" + struct.pack("!H", len(numbers)) + b"".join(b"\1" + struct.pack("<I", n)[:3] for n in numbers)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("raknet", dport=19132) as t:
        t.client(b"\1" + TIME + MAGIC + GUID)
        t.server(b"\x1c" + TIME + GUID + MAGIC + b"\0\x0eMCPE;Test;1;1;"[:16])
    with c.udp("raknet", dport=1090) as t:
        t.server(b"\x1c" + TIME + GUID + MAGIC)
    with c.udp("raknet", dport=1091) as t:
        t.client(b"\5" + MAGIC + b"\x0b" + bytes(1400), wire_length=1464)
    with c.udp("raknet", dport=1092) as t:
        t.client(b"\7" + MAGIC + b"\4\x80\xff\xfd\xf6\x4a\xbc\5\x78" + GUID)
    with c.udp("raknet", dport=1093, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(b"\x19\x0b" + MAGIC + GUID)
    with c.udp("raknet", dport=1094) as t:  # within a connection
        t.client(frames(70000, b"\xfe" + bytes(20), b"\x13" + bytes(9))).server(ack(70000))
    with c.udp("raknet", dport=1095) as t:  # a range
        t.client(frames(17, b"\xfe" + bytes(20))).client(frames(18, b"\0" + bytes(8)))
        t.server(b"\xc0\0\1\0" + b"\x10\0\0\x12\0\0")
    with c.udp("raknet", dport=1096) as t:  # hidden number, the magic in a full datagram
        t.client(b"\x7b" + bytes(range(31)) + MAGIC + bytes(1200))
    n = captures.file("not.pcap")
    with n.udp(None, dport=19132) as t:
        t.client(b"\1" + TIME + MAGIC[:-1] + b"\x79" + GUID)
    with n.udp(None, dport=19132) as t:
        t.client(b"\1" + TIME + MAGIC[:10])
    with n.udp(None, dport=19132) as t:  # another number is acknowledged
        t.client(frames(70000, b"\xfe" + bytes(20))).server(ack(70001))
    with n.udp(None, dport=19132) as t:  # frames that do not come out even
        t.client(frames(7, b"\xfe" + bytes(20)) + b"\0").server(ack(7))
    with n.udp(None, dport=19132) as t:  # acknowledgements alone
        t.server(ack(7)).server(ack(8))
