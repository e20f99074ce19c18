# SPDX-License-Identifier: GPL-2.0-or-later
# OMG DDSI-RTPS 2.5, 8.3.3 (messages) and 9.4.4 (header), 9.4.5 (submessages).
import struct
from talk import Captures

HEADER = b"RTPS\2\3\1\x0f" + bytes(range(12))


def submessage(kind, data, little=True):
    return bytes([kind, int(little)]) + struct.pack("<H" if little else ">H", len(data)) + data


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("rtps", dport=7400, dst="239.255.0.1") as t:
        t.client(HEADER + submessage(9, bytes(8)) + submessage(0x15, bytes(60)))
    with c.udp("rtps", dport=7410, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"RTPS\1\0\1\1" + bytes(12) + submessage(0x0E, bytes(12), False))
    with c.udp("rtps", dport=7400) as t:
        t.client((HEADER + submessage(0x15, bytes(200)))[:40], wire_length=224)
    n = captures.file("not.pcap")
    with n.udp(None, dport=7400) as t:
        t.client(b"RTPX" + HEADER[4:])
    with n.udp(None, dport=7400) as t:
        t.client(b"RTPS\7" + HEADER[5:] + submessage(9, bytes(8)))
    with n.udp(None, dport=7400) as t:
        t.client(HEADER + submessage(9, bytes(8))[:-1])
    with n.udp(None, dport=7400) as t:
        t.client(HEADER[:10])
