# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 5036, 3.1 (PDUs), 3.5 (messages).
import struct
from talk import Captures


def message(kind, data):
    return struct.pack("!HHI", kind, 4 + len(data), 7) + data


def pdu(*messages, version=1, extra=0):
    body = b"".join(messages)
    return struct.pack("!HH4sH", version, 6 + len(body) + extra, b"\x0a\0\0\1", 0) + body


HELLO = message(0x100, bytes.fromhex("04000004000f0000"))
INIT = message(0x200, bytes.fromhex("0500000e00010 0b400000000 0a00000200 00".replace(" ", "")))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("ldp", sport=646, dport=646, dst="224.0.0.2") as t:
        t.client(pdu(HELLO))
    with c.tcp("ldp", dport=646) as t:
        t.client(pdu(INIT))
        t.server(pdu(INIT, message(0x201, b"")))
    with c.tcp("ldp", dport=1646, midstream=True) as t:
        t.client(pdu(message(0x400, bytes(24))))
    n = captures.file("not.pcap")
    with n.udp(None, sport=646, dport=646) as t:
        t.client(pdu(HELLO, version=2))
    with n.udp(None, sport=646, dport=647) as t:
        t.client(pdu(HELLO, extra=1))
    with n.udp(None, sport=646, dport=648) as t:
        t.client(pdu(message(0x150, bytes(8))))
    with n.udp(None, sport=646, dport=649) as t:
        t.client(pdu(HELLO) + b"\0")
    with n.tcp(None, dport=646) as t:
        t.client(pdu(INIT[:-2]))
