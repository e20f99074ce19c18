# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1006 (TPKT), ISO 8073 (COTP); S7 and S7comm-plus as dissectors know them, no specification is public.
import struct
from talk import Captures

tpkt = lambda cotp: struct.pack(">BBH", 3, 0, 4 + len(cotp)) + cotp
def connect(code, called, calling=b"\1\0"):
    body = bytes([code]) + b"\0\0\0\1\0\xc0\1\x0a\xc1" + bytes([len(calling)]) + calling + b"\xc2" + bytes([len(called)]) + called
    return tpkt(bytes([len(body)]) + body)
data = lambda body: tpkt(b"\2\xf0\x80" + body)
def s7(kind, parameter, body=b"", error=b"", zero=0):
    return struct.pack(">BBHHHH", 0x32, kind, zero, 1, len(parameter), len(body)) + error + parameter + body
SETUP = b"\xf0\0\0\1\0\1\1\xe0"
plus = lambda version, body, trailer=True: bytes([0x72, version]) + struct.pack(">H", len(body)) + body + (
    bytes([0x72, version, 0, 0]) if trailer else b"")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("s7comm", dport=102) as t:
        t.client(connect(0xE0, b"\1\2"))
        t.server(connect(0xD0, b"\1\2"))
        t.client(data(s7(1, SETUP)))
        t.server(data(s7(3, SETUP, error=b"\0\0")))
    with c.tcp("s7comm", dport=1102, midstream=True, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(data(s7(3, b"\4\1", b"\xff\4\0\x10\0\1", error=b"\0\0")))
    with c.tcp("s7comm", dport=102) as t:  # S7comm-plus, by the name that it asks for
        t.client(connect(0xE0, b"SIMATIC-ROOT-ES", b"\6\0"))
    with c.tcp("s7comm", dport=102, midstream=True) as t:
        t.client(data(plus(1, bytes.fromhex("31000004ca00000002000000 01"))))
    with c.tcp("s7comm", dport=102, midstream=True) as t:
        t.client(data(plus(3, bytes(40), trailer=False)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=102) as t:  # a connection of anybody: MMS
        t.client(connect(0xE0, b"\0\1"))
        t.server(connect(0xD0, b"\0\1"))
        t.client(data(b"\x0d\xb2\5\6\x13\1\0\x16\1\2"))
    with n.tcp(None, dport=102) as t:  # lengths that leave a byte
        t.client(data(s7(1, SETUP) + b"\0"))
    with n.tcp(None, dport=102) as t:
        t.client(data(s7(1, SETUP, zero=1)))
    with n.tcp("!s7comm", dport=102) as t:  # a remote desktop
        t.client(tpkt(b"\x0e\xe0\0\0\0\0\0" + bytes.fromhex("0100080003000000")))
