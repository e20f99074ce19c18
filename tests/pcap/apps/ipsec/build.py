# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 7296, 3.1 and RFC 2408, 3.1 (IKE's header); RFC 3948 (ESP in UDP, the non-ESP marker, keepalives);
# RFC 4303, 2 (ESP); RFC 9329 (TCP).
import struct
from talk import Captures

I, R, ZERO = bytes.fromhex("a1b2c3d4e5f60718"), bytes.fromhex("1827364554637281"), bytes(8)


def noise(count, seed):
    out = []
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(seed >> 16 & 255)
    return bytes(out)


def ike(version, exchange, flags, body, responder=ZERO, number=0, payload=33):
    return I + responder + struct.pack("!BBBBII", payload, version, exchange, flags, number, 28 + len(body)) + body


def esp(spi, number, size=80):
    return struct.pack("!II", spi, number) + noise(size, spi + number)


def framed(data):
    return struct.pack("!H", 2 + len(data)) + data


init = ike(0x20, 34, 0x08, bytes.fromhex("0000002c") + bytes(40))
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("ipsec", sport=500, dport=500) as t:
        t.client(init)
        t.server(ike(0x20, 34, 0x20, bytes(80), R))
    with c.udp("ipsec", sport=500, dport=500, src="2001:db8::2", dst="2001:db8:9::9") as t:  # version 1, main mode
        t.client(ike(0x10, 2, 0, bytes(60), payload=1))
    with c.udp("ipsec", dport=848) as t:  # version 1, aggressive, the responder's half
        t.server(ike(0x10, 4, 0, bytes(90), R, payload=1))
    with c.udp("ipsec", sport=4500, dport=4500) as t:
        t.client(b"\xff")
        t.client(bytes(4) + ike(0x20, 35, 0x08, noise(200, 3), R, 1, 46))
        t.server(esp(0xc0ffee01, 1))
    with c.udp("ipsec", dport=4500) as t:  # a tunnel that has been up for long
        for i in range(3):
            t.client(esp(0xc0ffee01, 70 + i))
            t.server(esp(0xdeadbeef, 9000 + i * 2))
    with c.udp("ipsec", dport=4500) as t:  # one side of it
        for i in range(4):
            t.client(esp(0xc0ffee01, 70 + i, 80 + 4 * i))
    with c.udp("ipsec", dport=500) as t:  # cut by a snap length
        t.client(init[:40], len(init))
    with c.tcp("ipsec", dport=4500) as t:
        t.client(b"IKETCP" + framed(bytes(4) + init))
        t.server(framed(bytes(4) + ike(0x20, 34, 0x20, bytes(80), R)))
    with c.tcp("ipsec", dport=443) as t:  # only the server is seen
        t.server(framed(bytes(4) + ike(0x20, 34, 0x20, bytes(80), R)))
    with c.ip("ipsec", 50, dst="192.0.2.8") as t:
        t.client(esp(0xc0ffee01, 1))
        t.server(esp(0xdeadbeef, 1))
    with c.ip("ipsec", 51, dst="192.0.2.7") as t:
        t.client(bytes.fromhex("04040000c0ffee0100000001") + noise(52, 1))
    n = captures.file("not.pcap")
    with n.udp(None, dport=500) as t:  # the length is not the datagram's
        t.client(init + b"\0")
    with n.udp(None, dport=500) as t:  # version 3
        t.client(ike(0x30, 34, 0x08, bytes(40)))
    with n.udp(None, dport=500) as t:  # an exchange that there is not
        t.client(ike(0x20, 77, 0x08, bytes(40)))
    with n.udp(None, dport=500) as t:  # a first message with a number
        t.client(ike(0x20, 34, 0x08, bytes(40), number=5))
    with n.udp(None, dport=4500) as t:  # one side alone: it could be anybody's counter
        for i in range(3):
            t.client(esp(0xc0ffee01, 70 + i))
    with n.udp(None, dport=4500) as t:  # no words of four bytes
        for i in range(8):
            t.client(esp(0xc0ffee01, 70 + i, 81))
    with n.udp(None, dport=4500) as t:  # both count, and the rest has order
        for i in range(4):
            t.client(struct.pack("!II", 0xc0ffee01, i + 1) + bytes(80))
            t.server(struct.pack("!II", 0xdeadbeef, i + 1) + bytes(80))
    with n.udp(None, dport=4500) as t:  # noise
        for i in range(4):
            t.client(noise(100, i))
            t.server(noise(100, i + 9))
    with n.udp(None, dport=4501) as t:  # counting, but not where ESP is looked for
        for i in range(3):
            t.client(esp(0xc0ffee01, 70 + i))
            t.server(esp(0xdeadbeef, 9000 + i * 2))
    with n.tcp(None, dport=4500) as t:
        t.client(b"IKETC\0" + framed(bytes(4) + init))
