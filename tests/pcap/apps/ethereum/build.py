# SPDX-License-Identifier: GPL-2.0-or-later
# devp2p: discv4.md, rlpx.md; EIP-8, EIP-868. SEC 2 for the curve.
import struct
from talk import Captures

P = 2 ** 256 - 2 ** 32 - 977
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def add(a, b):
    if a is None or b is None:
        return a or b
    slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def point(secret):
    result, step = None, G
    while secret:
        result = add(result, step) if secret & 1 else result
        step, secret = add(step, step), secret >> 1
    return result[0].to_bytes(32, "big") + result[1].to_bytes(32, "big")


def rlp(item):
    if isinstance(item, list):
        body = b"".join(rlp(i) for i in item)
        base = 0xC0
    elif len(item) == 1 and item[0] < 0x80:
        return item
    else:
        body, base = item, 0x80
    if len(body) < 56:
        return bytes([base + len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size + body


def packet(kind, item, parity=1):
    return bytes(range(100, 132)) + bytes(range(64)) + bytes([parity, kind]) + rlp(item)


ME, YOU = [b"\xc0\0\2\1", b"\x76\x5f", b"\x76\x5f"], [b"\xc0\0\2\2", b"\x76\x60", b""]
TIME, HASH, KEY = b"\x65\x53\xf1\0", bytes(range(32)), bytes(range(64))
NODE = [b"\xc0\0\2\3", b"\x76\x5f", b"\x76\x5f", KEY]


def auth(secret, size):
    return struct.pack("!H", size) + b"\4" + point(secret) + bytes(i * 7 & 255 for i in range(size - 65))


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("ethereum", dport=30303) as t:
        t.client(packet(1, [b"\4", ME, YOU, TIME])).server(packet(2, [ME, HASH, TIME]))
    with c.udp("ethereum", dport=30304, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(packet(1, [b"\4", [bytes(16), b"\1\2", b"\1\2"], YOU, TIME, b"\5"], parity=0))
    with c.udp("ethereum", dport=1030) as t:
        t.server(packet(2, [ME, HASH, TIME, b"\5"]))
    with c.udp("ethereum", dport=1031) as t:
        t.client(packet(3, [KEY, TIME]))
    with c.udp("ethereum", dport=1032) as t:
        t.server(packet(4, [[NODE] * 12, TIME]))
    with c.udp("ethereum", dport=1033) as t:  # cut
        whole = packet(4, [[NODE] * 12, TIME])
        t.server(whole[:400], wire_length=len(whole))
    with c.udp("ethereum", dport=1034) as t:
        t.client(packet(5, [TIME]))
        t.server(packet(6, [HASH, [KEY, b"\5", b"id", b"v4"]]))
    with c.tcp("ethereum", dport=30303) as t:
        t.client(auth(12345, 420)).server(auth(999, 380))
    with c.tcp("ethereum", dport=1035, midstream=True) as t:  # one side alone
        t.server(auth(2 ** 200 + 5, 400))
    with c.tcp("ethereum", dport=1036) as t:  # before EIP-8
        t.client(b"\4" + point(77) + bytes(i * 5 & 255 for i in range(242)))
    n = captures.file("not.pcap")
    with n.udp(None, dport=30303) as t:  # a parity of 2
        t.client(packet(1, [b"\4", ME, YOU, TIME], parity=2))
    with n.udp(None, dport=30303) as t:  # the list is longer than the datagram
        t.client(packet(1, [b"\4", ME, YOU, TIME])[:-1])
    with n.udp(None, dport=30303) as t:  # a key of 63 bytes
        t.client(packet(3, [KEY[1:], TIME]))
    with n.udp(None, dport=30303) as t:  # type 1 with a pong's list
        t.client(packet(1, [ME, HASH, TIME]))
    with n.udp(None, dport=30303) as t:  # the question for a record alone
        t.client(packet(5, [TIME]))
    with n.udp(None, dport=30303) as t:  # discovery version 5 is masked
        t.client(bytes(i * 37 & 255 for i in range(170)))
    with n.tcp(None, dport=30303) as t:  # not on the curve
        broken = bytearray(auth(12345, 420))
        broken[40] ^= 1
        t.client(bytes(broken)).server(auth(999, 380)[:60])
    with n.tcp(None, dport=30303) as t:  # y is not below the prime
        t.client(struct.pack("!H", 420) + b"\4" + point(5)[:32] + b"\xff" * 32 + bytes(355))
    with n.tcp(None, dport=30303) as t:
        t.client(auth(12345, 420)[:66])
