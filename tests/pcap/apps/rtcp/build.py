# SPDX-License-Identifier: GPL-2.0-or-later
# RTCP, RFC 3550, 6; SRTCP, RFC 3711, 3.4; reduced size, RFC 5506.
import random, struct
from talk import Captures

noise = random.Random(3711)
SSRC = bytes.fromhex("3796cb71")


def packet(kind, count, body):
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


REPORT = bytes.fromhex("aabbccdd") + bytes(20)
SENDER = packet(200, 0, SSRC + noise.randbytes(8) + bytes(12))
RECEIVER = packet(201, 0, SSRC)
CNAME = packet(202, 1, SSRC + b"\1\x0bme@10.0.0.2\0\0\0")
BYE = packet(203, 1, SSRC)


def srtcp(index, clear=RECEIVER[:8], encrypted=b"", tag=10, key=b""):
    return clear + encrypted + struct.pack("!I", 0x80000000 | index) + key + noise.randbytes(tag)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("rtcp", dport=16385) as t:
        t.client(SENDER + CNAME)
    with c.udp("rtcp", dport=16387) as t:
        t.server(packet(201, 1, SSRC + REPORT) + CNAME + BYE)
    with c.udp("rtcp", dport=16389) as t:  # an empty report waits for the second one
        t.client(RECEIVER)
        t.client(RECEIVER)
    with c.udp("rtcp", dport=16389) as t:  # one sender's report, which has counted
        t.client(packet(200, 0, SSRC + noise.randbytes(12) + struct.pack("!II", 50, 8000)))
    with c.udp("rtcp", dport=16391) as t:  # only feedback: lost packets asked for anew
        t.client(packet(205, 1, SSRC + b"\0\0\0\1\0\7\0\0"))
        t.client(packet(206, 1, SSRC + b"\0\0\0\1"))
    with c.udp("rtcp", dport=5004) as t:  # SRTCP
        t.client(srtcp(1))
    with c.udp("rtcp", dport=5004) as t:
        t.server(srtcp(7, SENDER[:8], noise.randbytes(20 + 24)))
    with c.udp("rtcp", dport=5004) as t:  # a master key identifier behind the index
        t.client(srtcp(0x1234, packet(201, 0, SSRC), noise.randbytes(16), key=b"\1"))
    with c.udp("rtcp", dport=16393) as t:  # snap length behind the second packet's header
        t.client((SENDER + CNAME)[:32 + 2], wire_length=len(SENDER + CNAME))
        t.client((SENDER + CNAME)[:32 + 2], wire_length=len(SENDER + CNAME))

    n = captures.file("not.pcap")
    with n.udp(None, dport=16385) as t:  # one empty report
        t.client(RECEIVER)
    with n.udp(None, dport=16385) as t:  # reports of two
        t.client(RECEIVER)
        t.client(packet(201, 0, b"four"))
    with n.udp(None, dport=16385) as t:  # the second packet runs out of the datagram
        t.client(SENDER + CNAME[:-4])
    with n.udp(None, dport=16385) as t:  # less than its counts ask for
        t.client(packet(200, 2, SSRC + bytes(20)) + packet(202, 9, SSRC))
    with n.udp(None, dport=5004) as t:  # no E bit
        t.client(RECEIVER + bytes(14))
    with n.udp(None, dport=16385) as t:  # a sender that sent more than its packets hold
        t.client(packet(200, 0, SSRC + noise.randbytes(12) + struct.pack("!II", 5, 8000)))
    with n.udp(None, dport=16385) as t:  # RTP's types
        t.client(b"\x80\x60\0\1" + SSRC)
    with n.udp(None, dport=16385) as t:
        t.client(noise.randbytes(28))
