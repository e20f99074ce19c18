# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1001, 14.1 (names), RFC 1002, 4.2 (names), 4.3 (sessions), 4.4 (datagrams); MS-SMB2, 2.1.
import struct
from talk import Captures


def name(text, suffix=0x20):
    raw = text.ljust(15).encode() + bytes([suffix])
    return b"\x20" + bytes(b for c in raw for b in (65 + (c >> 4), 65 + (c & 15))) + b"\0"


WHO = struct.pack("!6H", 0x1234, 0x0110, 1, 0, 0, 0) + name("SERVER") + b"\0\x20\0\1"
SMB1 = b"\xffSMB\x72" + bytes(4) + b"\x18\1\x28" + bytes(20) + b"\0\x0c\0\2NT LM 0.12\0"
SMB2 = b"\xfeSMB\x40\0" + bytes(58) + b"\x24\0\1\0" + bytes(32)


def framed(data):
    return struct.pack("!I", len(data)) + data


def datagram(first, body):
    return bytes([first, 2]) + struct.pack("!H4sHHH", 7, bytes([10, 0, 0, 2]), 138, len(body), 0) + body


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("netbios", sport=137, dport=137, dst="10.0.0.255") as t:
        t.client(WHO)
    with c.udp("netbios", dport=137) as t:                  # its status, and the answer
        t.client(struct.pack("!6H", 1, 0, 1, 0, 0, 0) + name("*", 0).replace(b"CACACACACACACACACACACACACACA", b"A" * 28) + b"\0\x21\0\1")
    with c.udp("netbios", sport=137, dport=40000, src="192.0.2.9", dst="10.0.0.2") as t:
        t.client(struct.pack("!6H", 0x1234, 0x8580, 0, 1, 0, 0) + name("SERVER") + b"\0\x20\0\1\0\0\0\x3c\0\6\0\0\xc0\0\2\x09")
    with c.udp("netbios", sport=138, dport=138, dst="10.0.0.255") as t:
        t.client(datagram(0x11, name("CLIENT", 0) + name("GROUP", 0x1D) + SMB1))
    with c.tcp("netbios", dport=139) as t:                  # a session, and SMB in it
        t.client(b"\x81\0\0\x44" + name("SERVER") + name("CLIENT", 0))
        t.server(b"\x82\0\0\0")
        t.client(framed(SMB1))
        t.server(framed(SMB1))
    with c.tcp("netbios", dport=139) as t:                  # refused
        t.client(b"\x81\0\0\x44" + name("SERVER") + name("CLIENT", 0))
        t.server(b"\x83\0\0\1\x82")
    with c.tcp("netbios", dport=445) as t:
        t.client(framed(SMB2))
    with c.tcp("netbios", dport=445, midstream=True) as t:  # the server's side alone
        t.server(framed(SMB2))
    n = captures.file("not.pcap")
    with n.udp(None, sport=137, dport=137, dst="10.0.1.255") as t:
        t.client(WHO.replace(b"FDEF", b"FZEF"))
    with n.udp(None, sport=137, dport=137, dst="10.0.2.255") as t:
        t.client(WHO[:-1] + b"\2")                          # another class
    with n.udp("!netbios", sport=138, dport=138, dst="10.0.0.255") as t:
        t.client(datagram(0x11, bytes(80)))
    with n.tcp("!netbios", dport=139) as t:
        t.client(b"\x81\0\0\x44" + bytes(68))
    with n.tcp(None, dport=445) as t:
        t.client(b"\0\0\0\x40\xfeSMX" + bytes(60))
    with n.tcp(None, dport=445) as t:
        t.client(b"\0\0\0\5\xfeSMBx")
