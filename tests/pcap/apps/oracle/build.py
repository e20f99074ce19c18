# SPDX-License-Identifier: GPL-2.0-or-later
# TNS as dissectors know it: length, checksum 0, type, flags, checksum 0; no specification is public.
import struct
from talk import Captures

def packet(kind, body, size=None, checksum=0):
    return struct.pack(">HHBBH", size or 8 + len(body), checksum, kind, 0, 0) + body

def connect(text, at=58, length=None, version=0x013A):
    fixed = struct.pack(">HHHHHHHHHHIBB", version, 0x012C, 0, 8192, 32767, 0x7F08, 0, 1, len(text) if length is None else length,
                        at, 0, 0x41, 0x41)
    return fixed + bytes(at - 8 - len(fixed)) + text

TEXT = b"(DESCRIPTION=(CONNECT_DATA=(SID=XE)(CID=(PROGRAM=sqlplus)(HOST=a)(USER=b)))(ADDRESS=(PROTOCOL=TCP)))"
data = lambda body: packet(6, b"\0\0" + body)
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("oracle", dport=1521) as t:
        t.client(packet(1, connect(TEXT)))
        t.server(packet(2, struct.pack(">HHHHHHHBB", 0x0138, 0, 8192, 32767, 1, 0, 24, 0x41, 1)))
        t.client(data(b"\xde\xad\xbe\xef" + bytes(100)))
    with c.tcp("oracle", dport=1526, src="2001:db8::2", dst="2001:db8:9::9") as t:  # the text follows in a packet of its own
        t.client(packet(1, connect(b"", at=70, length=300)))
        t.client(packet(6, b"\0\0" + TEXT * 3))
    with c.tcp("oracle", dport=1521) as t:  # the server alone: accepted, 12c
        t.server(packet(2, struct.pack(">HHHHHHHBB", 0x013B, 1, 8192, 32767, 1, 0, 45, 0x41, 1) + bytes(21)))
    with c.tcp("oracle", dport=1521) as t:  # refused
        text = b"(DESCRIPTION=(TMP=)(VSNNUM=169869568)(ERR=12505))"
        t.server(packet(4, b"\x04\0" + struct.pack(">H", len(text)) + text))
    with c.tcp("oracle", dport=1521) as t:  # sent elsewhere
        text = b"(ADDRESS=(PROTOCOL=tcp)(HOST=192.0.2.1)(PORT=1521))"
        t.server(packet(5, struct.pack(">H", len(text)) + text))
    with c.tcp("oracle", dport=1521, midstream=True) as t:  # calls, and what answers them
        t.client(data(b"\x03\x5e\x07\x61\x80\0\0"))
        t.server(data(b"\x08\x01\x06\0\x04\x01\0"))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=1521) as t:
        t.client(packet(1, connect(TEXT), checksum=1))
    with n.tcp(None, dport=1521) as t:  # the text ends elsewhere
        t.client(packet(1, connect(TEXT, length=3)))
    with n.tcp(None, dport=1521) as t:
        t.client(packet(1, connect(TEXT, version=0x0538)))
    with n.tcp(None, dport=1521) as t:
        t.server(packet(4, b"\x04\0" + struct.pack(">H", 20) + b"(DESCRIPTION=)"))
    with n.tcp(None, dport=1521, midstream=True) as t:  # one packet of data, and something else
        t.client(data(b"\x03\x5e\x07"))
        t.server(bytes(range(40)))
