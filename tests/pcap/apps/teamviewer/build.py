# SPDX-License-Identifier: GPL-2.0-or-later
# The two forms of message, as captured (see src/inspect/apps/teamviewer.c).
import struct
from talk import Captures


def first(command, body):
    return b"\x17\x24" + struct.pack("<BH", command, len(body)) + body


def session(command, body, number=1):
    return b"\x11\x30" + struct.pack("<BBIIIII", command, 0, len(body), number, 0, 27, 24) + body


def datagram(body):
    return b"\0" + bytes(range(10)) + b"\x17\x24" + body

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("teamviewer", dport=5938) as t:
        t.client(first(0x0A, bytes(32))).server(first(0x11, bytes(4)))
    with c.tcp("teamviewer", dport=443) as t:
        t.client(first(0x28, bytes(24)) + first(0x3C, bytes(300)))
    with c.tcp("teamviewer", dport=1140, midstream=True) as t:
        t.server(session(0x36, bytes(24)))
    with c.udp("teamviewer", dport=5938) as t:
        t.client(datagram(b"\x0a\4\0test")).server(datagram(b"\x0b\4\0test"))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=5938) as t:
        t.client(first(0x0A, bytes(32)))
    with n.tcp(None, dport=5938) as t:  # the second is none
        t.client(first(0x28, bytes(24)) + b"\x17\x25\x0a\0\0\0")
    with n.tcp(None, dport=5938) as t:  # another header length
        t.server(session(0x36, bytes(24)).replace(b"\x18\0\0\0\0\0", b"\x19\0\0\0\0\0", 1)[:20] + b"\x19" + bytes(40))
    with n.udp(None, dport=5938) as t:
        t.client(datagram(b"\x0a\4\0test"))
    with n.udp(None, dport=5938) as t:  # the same again
        t.client(datagram(b"\x0a\4\0test")).client(datagram(b"\x0a\4\0test"))
