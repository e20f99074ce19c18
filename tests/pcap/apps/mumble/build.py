# SPDX-License-Identifier: GPL-2.0-or-later
# Mumble's ping over UDP: zeros and a number; version, the number, users, most users, bit rate.
import struct
from talk import Captures

NUMBER = bytes.fromhex("8d2e7f0011c0ffee")
ASK = bytes(4) + NUMBER


def answer(version=b"\0\1\5\2", users=3, most=100, rate=72000, number=NUMBER):
    return version + number + struct.pack("!III", users, most, rate)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("mumble", dport=64738) as t:
        t.client(ASK)
        t.server(answer())
    with c.udp("mumble", dport=50000) as t:
        t.server(answer(b"\0\1\2\x13", 0, 1000, 558000))

    n = captures.file("not.pcap")
    with n.udp(None, dport=64738) as t:  # a question is a number
        t.client(ASK)
    with n.udp(None, dport=64738) as t:  # more users than there may be
        t.client(ASK)
        t.server(answer(users=101))
    with n.udp(None, dport=64738) as t:  # no such rate
        t.server(answer(rate=3))
    with n.udp(None, dport=64738) as t:  # no such version
        t.server(answer(b"\0\2\0\0"))
    with n.udp(None, dport=64738) as t:
        t.server(answer() + b"\0")
    with n.udp(None, dport=64738) as t:  # encrypted voice
        t.client(bytes.fromhex("6be1905c21d9d9a7f3337145a2d1e8f08b17"))
