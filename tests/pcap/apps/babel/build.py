# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 8966, 4.2 (packets), 4.6 (TLVs).
import struct
from talk import Captures


def packet(body, length=None, magic=42):
    return struct.pack("!BBH", magic, 2, len(body) if length is None else length) + body


HELLO = b"\4\6\0\0\0\7\1\x90"
IHU = b"\5\x0e\3\0\0\x60\x04\xb0" + bytes(8)
LINK = {"src": "fe80::2", "dst": "ff02::1:6"}

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("babel", sport=6696, dport=6696, **LINK) as t:
        t.client(packet(HELLO + IHU))
    with c.udp("babel", sport=6696, dport=6696, src="fe80::3", dst="ff02::1:6") as t:
        t.client(packet(HELLO + b"\0\0") + b"\x10\x20" + bytes(32))
    n = captures.file("not.pcap")
    with n.udp(None, sport=6696, dport=6696, **LINK) as t:
        t.client(packet(HELLO + IHU, magic=43))
    with n.udp(None, sport=6696, dport=6697, **LINK) as t:
        t.client(packet(HELLO + IHU, length=25))
    with n.udp(None, sport=6696, dport=6698, **LINK) as t:
        t.client(packet(HELLO + b"\x90\0"))
    with n.udp(None, sport=6696, dport=6699, **LINK) as t:
        t.client(packet(HELLO) + b"rest")
