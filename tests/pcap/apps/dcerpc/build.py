# SPDX-License-Identifier: GPL-2.0-or-later
# The Open Group C706: 12.6 (connection-oriented PDUs), 12.5 (connectionless), appendix I (NDR's UUID).
import struct, uuid
from talk import Captures

NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
EPM = uuid.UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa")


def pdu(kind, body, call=1, little=True, auth=0):
    e = "<" if little else ">"
    return struct.pack(e + "BBBB4sHHI", 5, 0, kind, 3, b"\x10\0\0\0" if little else bytes(4), 16 + len(body), auth, call) + body


def bind(little=True, syntax=NDR):
    e = "<" if little else ">"
    raw = (lambda u: u.bytes_le) if little else (lambda u: u.bytes)
    return pdu(11, struct.pack(e + "HHIBxxxHBx", 4280, 4280, 0, 1, 0, 1) + raw(EPM) + struct.pack(e + "I", 3) + raw(syntax) +
               struct.pack(e + "I", 2), little=little)


ack = pdu(12, struct.pack("<HHIH", 4280, 4280, 0x1234, 4) + b"135\0" + bytes(2) + struct.pack("<BxxxHH", 1, 0, 0) + NDR.bytes_le +
          struct.pack("<I", 2))
request = pdu(0, struct.pack("<IHH", 100, 0, 3) + bytes(range(100)), 2)


def v4(kind, body, little=True, length=None):
    e = "<" if little else ">"
    return (struct.pack("BBBB", 4, kind, 0x20, 0) + (b"\x10\0\0" if little else bytes(3)) + b"\0" + bytes(range(48)) +
            struct.pack(e + "IIIHHHHH", 0, 1, 5, 2, 0xffff, 0xffff, len(body) if length is None else length, 0) + b"\0\0" + body)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("dcerpc", dport=135) as t:
        t.client(bind())
        t.server(ack)
        t.client(request)
    with c.tcp("dcerpc", dport=49664) as t:  # big-endian
        t.client(bind(False))
    with c.tcp("dcerpc", dport=49152, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:
        t.client(request)
    with c.tcp("dcerpc", dport=135) as t:  # only the server is seen
        t.server(ack)
    with c.tcp("dcerpc", dport=593) as t:
        t.server(b"ncacn_http/1.0")
        t.client(bind())
    with c.udp("dcerpc", dport=34964) as t:
        t.client(v4(0, bytes(range(120))))
        t.server(v4(2, bytes(range(60))))
    with c.udp("dcerpc", dport=135) as t:  # cut by a snap length
        t.client(v4(0, bytes(20), length=400), 480)
    n = captures.file("not.pcap")
    with n.tcp("!dcerpc", dport=135) as t:  # SOCKS begins with 5 and 0 or 1
        t.client(b"\x05\x01\x00")
        t.server(b"\x05\x00")
        t.client(b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50")
        t.server(b"\x05\x00\x00\x01\x0a\x00\x00\x01\x00\x50")
        t.client(bytes(40))
    with n.tcp(None, dport=135) as t:  # an unknown transfer syntax
        t.client(bind(syntax=uuid.UUID(int=1 << 100)))
    with n.tcp(None, dport=135) as t:  # the representation is none
        t.client(request[:6] + b"\x01\x01" + request[8:])
    with n.tcp(None, dport=135) as t:  # big-endian, and no bind
        t.client(pdu(0, struct.pack(">IHH", 100, 0, 3) + bytes(100), little=False))
    with n.udp(None, dport=135) as t:  # a length too short
        t.client(v4(0, bytes(20)) + b"\0")
    with n.udp(None, dport=135) as t:  # bytes without order behind the right beginning
        t.client(b"\x04\x00\x20\x00\x10\x00\x00" + bytes(i * 37 & 255 for i in range(120)))
