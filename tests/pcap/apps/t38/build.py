# SPDX-License-Identifier: GPL-2.0-or-later
# T.38, 9.1: UDPTL with redundancy.
import random, struct
from talk import Captures

noise = random.Random(38)


def datagrams(count, first=0, copies=3, size=40, repeat=lambda p: p):
    sent = []
    for i in range(count):
        primary = b"\xc0\1\x80" + noise.randbytes(size)
        kept = [repeat(p) for p in sent[::-1][:copies]]
        yield struct.pack("!HB", (first + i) & 0xffff, len(primary)) + primary + b"\0" + \
            bytes([len(kept)]) + b"".join(bytes([len(p)]) + p for p in kept)
        sent.append(primary)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("t38", dport=20000) as t:
        for datagram in datagrams(6):
            t.client(datagram)
    with c.udp("t38", dport=20002) as t:  # from the middle, one copy, the number wraps
        for datagram in datagrams(5, 0xfffe, 1):
            t.server(datagram)

    n = captures.file("not.pcap")
    with n.udp(None, dport=20000) as t:  # no copies
        for datagram in datagrams(6, copies=0):
            t.client(datagram)
    with n.udp(None, dport=20000) as t:  # copies of something else
        for datagram in datagrams(6, repeat=lambda p: p[::-1]):
            t.client(datagram)
    with n.udp(None, dport=20000) as t:  # one agreement is too few
        for datagram in datagrams(2):
            t.client(datagram)
    with n.udp(None, dport=20000) as t:  # a byte too many
        for datagram in datagrams(6):
            t.client(datagram + b"\0")
