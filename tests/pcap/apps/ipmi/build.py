# SPDX-License-Identifier: GPL-2.0-or-later
# DMTF ASF 2.0, 3.2 (RMCP); IPMI 2.0, 13.6 (sessions), 13.8 (messages).
import struct
from talk import Captures


def ping(kind, data=b"", enterprise=4542):
    return b"\6\0\xff\6" + struct.pack("!IBBBB", enterprise, kind, 1, 0, len(data)) + data


def summed(data):
    return data + bytes([-sum(data) & 255])


MESSAGE = summed(b"\x20\x18") + summed(b"\x81\0\x38\x0e\4")


def v15(message=MESSAGE, length=None):
    return b"\6\0\xff\7\0" + bytes(8) + bytes([len(message) if length is None else length]) + message


def v20(payload, kind=0x10, length=None):
    return b"\6\0\xff\7\6" + bytes([kind]) + bytes(8) + struct.pack("<H", len(payload) if length is None else length) + payload


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("ipmi", dport=623) as t:
        t.client(ping(0x80))
        t.server(ping(0x40, bytes(16)))
    with c.udp("ipmi", dport=1623) as t:
        t.client(v15())
    with c.udp("ipmi", dport=623, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(v20(b"\0\0\0\0\xa4\xa3\xa2\xa0" + bytes(24)))
    with c.udp("ipmi", dport=623) as t:                     # encrypted, and signed behind
        t.client(v20(bytes(range(32)), kind=0xC0) + bytes(16))
    n = captures.file("not.pcap")
    with n.udp(None, dport=623) as t:
        t.client(ping(0x80, enterprise=4543))
    with n.udp(None, dport=623) as t:
        t.client(ping(0x80) + b"\0")
    with n.udp(None, dport=623) as t:                       # a sum that is wrong
        t.client(v15(MESSAGE[:-1] + b"\0"))
    with n.udp(None, dport=623) as t:
        t.client(v15(length=30))
    with n.udp(None, dport=623) as t:
        t.client(v20(bytes(20), length=19))
    with n.udp(None, dport=623) as t:
        t.client(b"\6\0\xff\x86")
    with n.udp(None, dport=623) as t:
        t.client(b"\6\0\xff\x08" + bytes(20))
