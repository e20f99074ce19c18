# SPDX-License-Identifier: GPL-2.0-or-later
# sFlow version 5 (sflow.org, 2004), "sFlow Datagram Format"; RFC 3176 (versions 2 and 4).
import struct
from talk import Captures


def five(samples, kinds=(1, 2), count=None, agent=(1, b"\xc0\0\2\1")):
    body = b"".join(struct.pack("!II", k, samples) + bytes(samples) for k in kinds)
    return (struct.pack("!II", 5, agent[0]) + agent[1] +
            struct.pack("!IIII", 0, 77, 123456, len(kinds) if count is None else count) + body)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("sflow", dport=6343) as t:
        t.client(five(144))
    with c.udp("sflow", dport=6343, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(five(40, agent=(2, bytes.fromhex("20010db8" + "00" * 11 + "01"))))
    with c.udp("sflow", dport=6343) as t:
        t.client(struct.pack("!II4sIII", 4, 1, b"\xc0\0\2\1", 77, 123456, 1) + struct.pack("!I", 1) + bytes(60))
    n = captures.file("not.pcap")
    with n.udp(None, dport=6343) as t:
        t.client(five(144, count=3))
    with n.udp(None, dport=6343) as t:
        t.client(five(144) + b"\0\0\0\0")
    with n.udp(None, dport=6343) as t:
        t.client(five(144, kinds=(9,)))
    with n.udp(None, dport=6343) as t:
        t.client(five(144, agent=(3, bytes(4))))
    with n.udp("!sflow", dport=6343) as t:
        t.client(b"\0\0\0\5" + bytes((i * 53 + 7) & 255 for i in range(80)))
