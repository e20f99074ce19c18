# SPDX-License-Identifier: GPL-2.0-or-later
# "WireGuard: Next Generation Kernel Network Tunnel", 5.4.2 to 5.4.7: the four messages.
import struct
from talk import Captures


def noise(count, seed):
    out = []
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(seed >> 16 & 255)
    return bytes(out)


def initiation(sender, mac2=bytes(16), extra=b""):
    return b"\x01\0\0\0" + struct.pack("<I", sender) + noise(108, sender) + extra + noise(16, sender + 1) + mac2


def response(sender, receiver, mac2=bytes(16), extra=b""):
    return b"\x02\0\0\0" + struct.pack("<II", sender, receiver) + extra + noise(48, sender) + noise(16, sender + 1) + mac2


def cookie(receiver):
    return b"\x03\0\0\0" + struct.pack("<I", receiver) + noise(56, receiver)


def data(receiver, counter, size):
    return b"\x04\0\0\0" + struct.pack("<IQ", receiver, counter) + noise(size, counter + 5)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("wireguard", dport=51820) as t:
        t.client(initiation(0x1234567))
        t.server(response(0x7654321, 0x1234567))
        t.client(data(0x7654321, 0, 16))
    with c.udp("wireguard", dport=53) as t:  # only the response is seen
        t.server(response(0x7654321, 0x1234567))
    with c.udp("wireguard", dport=51820, src="2001:db8::2", dst="2001:db8:9::9") as t:  # under load
        t.client(initiation(0x1234567))
        t.server(cookie(0x1234567))
        t.client(initiation(0x1234567, noise(16, 8)))
    with c.udp("wireguard", dport=51820) as t:  # a second MAC from the start, and the answer
        t.client(initiation(0x1234567, noise(16, 8)))
        t.server(response(0x7654321, 0x1234567, noise(16, 9)))
    with c.udp("wireguard", dport=51820) as t:  # from the middle
        t.client(data(0x7654321, 70, 96))
        t.server(data(0x1234567, 1000, 32))
        t.client(data(0x7654321, 71, 1424))
    with c.udp("wireguard", dport=51820) as t:  # with a provider's own bytes
        t.client(initiation(0x1234567, extra=noise(56, 4)))
        t.server(response(0x7654321, 0x1234567, extra=noise(8, 4)))
    n = captures.file("not.pcap")
    with n.udp(None, dport=51820) as t:  # the right length, and zeros
        t.client(b"\x01\0\0\0".ljust(148, b"\0"))
    with n.udp(None, dport=51820) as t:  # text
        t.client(b"\x01\0\0\0" + b"the quick brown fox jumps over the lazy dog " * 3 + bytes(12))
    with n.udp(None, dport=51820) as t:  # a byte too many
        t.client(initiation(7) + b"\0")
    with n.udp(None, dport=51820) as t:  # a second MAC, and an answer to another
        t.client(initiation(0x1234567, noise(16, 8)))
        t.server(response(0x7654321, 0x1234568, noise(16, 9)))
    with n.udp(None, dport=51820) as t:  # no counter
        for i in range(6):
            t.client(b"\x04\0\0\0" + noise(12, i) + noise(48, i + 50))
    with n.udp(None, dport=51820) as t:  # type 4, counting, and numbers behind
        for i in range(6):
            t.client(b"\x04\0\0\0" + struct.pack("<IQ", 9, i) + bytes(32))
