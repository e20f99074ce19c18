# SPDX-License-Identifier: GPL-2.0-or-later
# RTP, RFC 3550, 5.1; MPEG-TS in it, RFC 2250.
import random, struct
from talk import Captures

noise = random.Random(3550)


def rtp(sequence, time, source=0x1d2c3b4a, kind=0, first=0x80, payload=None):
    return struct.pack("!BBHII", first, kind, sequence & 0xffff, time & 0xffffffff, source) + \
        (noise.randbytes(160) if payload is None else payload)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("rtp", dport=16384) as t:  # both sides
        for i in range(3):
            t.client(rtp(0x1234 + i, 160 * i))
            t.server(rtp(0xfffe + i, 160 * i - 160, 0xa1b2c3d4))
    with c.udp("rtp", dport=16386) as t:  # one side, a loss, two in the wrong order
        for i in (1, 5, 4):
            t.client(rtp(i, 160 * i, kind=18))
    with c.udp("rtp", dport=16388) as t:  # tones share the source of the voice (RFC 4733)
        t.client(rtp(10, 1600))
        t.client(rtp(11, 1760, kind=0x80 | 101, payload=b"\1\x0a\0\xa0"))
    with c.udp("rtp", dport=16390) as t:  # one frame of video in many packets
        for i in range(5):
            t.server(rtp(500 + i, 90000, kind=96))
    with c.udp("rtp", dport=16392) as t:  # extension, contributing sources
        for i in range(2):
            t.client(rtp(i + 7, 960 * i, kind=111, first=0x90, payload=bytes.fromhex("bede000110ff0000") + b"voice"))
    with c.udp("rtp", dport=1234, dst="239.1.2.3") as t:  # a datagram of MPEG-TS proves itself
        ts = b"".join(b"\x47" + noise.randbytes(187) for _ in range(7))
        t.client(rtp(99, 90000, kind=33, payload=ts))
    with c.udp("rtp", dport=16394) as t:  # opens the NAT first, RTCP between
        t.client(b"\0\0\0\0")
        t.client(rtp(1, 160))
        t.client(bytes.fromhex("80c90001") + bytes(4))
        t.client(rtp(2, 320))
    with c.udp("rtp", dport=16396) as t:  # snap length
        for i in range(2):
            t.client(rtp(i, 160 * i, payload=b"")[:12], wire_length=172)
    with c.udp("rtp", dport=16398, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(rtp(0x8000, 1))
        t.client(rtp(0x8001, 161))

    n = captures.file("not.pcap")
    with n.udp(None, dport=16384) as t:  # one packet is nothing
        t.client(rtp(1, 160))
    with n.udp(None, dport=16384) as t:  # one of each side neither
        t.client(rtp(1, 160))
        t.server(rtp(2, 320))
    with n.udp(None, dport=16384) as t:  # the same packet again
        t.client(rtp(1, 160, payload=b"x" * 20))
        t.client(rtp(1, 160, payload=b"x" * 20))
    with n.udp(None, dport=16384) as t:  # sources differ
        for i in range(4):
            t.client(rtp(i, 160 * i, 0x11111111 * (i + 1)))
    with n.udp(None, dport=16384) as t:  # the sequence leaps
        for i in range(4):
            t.client(rtp(1000 * i, 160 * i))
    with n.udp(None, dport=16384) as t:  # a header of zeros with a counter
        for i in range(3):
            t.client(rtp(i, 0, 0))
    with n.udp(None, dport=16384) as t:  # version 1
        for i in range(3):
            t.client(rtp(i, 160 * i, first=0x40))
    with n.udp(None, dport=16384) as t:  # more contributing sources than bytes
        for i in range(3):
            t.client(rtp(i, 160 * i, first=0x8f, payload=b"short"))
    with n.udp(None, dport=1234) as t:  # MPEG-TS without RTP
        t.client(b"".join(b"\x47" + bytes(187) for _ in range(7)))
