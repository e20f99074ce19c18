# SPDX-License-Identifier: GPL-2.0-or-later
# OpenVPN's protocol (draft "OpenVPN Wire Protocol"): opcode and key, session, acknowledgements, number;
# tls-auth: HMAC, replay number, time between; tls-crypt: replay number, time, HMAC, and the rest encrypted.
import struct
from talk import Captures

TIME = 1700000000
A, B = bytes.fromhex("507a28a78275788d"), bytes.fromhex("9ad747beb24d8a1b")


def noise(count, seed):
    out = []
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(seed >> 16 & 255)
    return bytes(out)


def bare(opcode, session, number=0, acks=(), peer=b"", body=b""):
    out = bytes([opcode << 3]) + session + bytes([len(acks)]) + b"".join(struct.pack("!I", a) for a in acks)
    return out + (peer if acks else b"") + (b"" if number is None else struct.pack("!I", number)) + body


def auth(opcode, session, replay, hmac, number=0, acks=(), peer=b"", body=b""):
    rest = bare(opcode, session, number, acks, peer, body)
    return rest[:9] + noise(hmac, opcode * 7 + replay) + struct.pack("!II", replay, TIME + replay) + rest[9:]


def crypt(opcode, session, replay, size, tail=b""):
    return bytes([opcode << 3]) + session + struct.pack("!II", replay, TIME) + noise(32 + size, replay + opcode) + tail


def framed(packet):
    return struct.pack("!H", len(packet)) + packet


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("openvpn", dport=1194) as t:
        t.client(bare(7, A))
        t.server(bare(8, B, 0, [0], A))
        t.client(bare(5, A, None, [0], B))
    with c.udp("openvpn", dport=1194) as t:  # only the client is seen
        t.client(bare(7, A))
        t.client(bare(7, A))
        t.client(bare(4, A, 1, [0], B, b"\x16\x03\x01\x00\xdd\x01"))
    with c.udp("openvpn", dport=443) as t:  # key method 1
        t.client(bare(1, A))
        t.server(bare(2, B, 0, [0], A))
    for hmac in (16, 20, 32, 64):  # one datagram of tls-auth
        with c.udp("openvpn", dport=1194) as t:
            t.client(auth(7, A, 1, hmac))
    with c.udp("openvpn", dport=1194) as t:  # tls-auth, the server's answer alone
        t.server(auth(8, B, 1, 20, 0, [0], A))
    with c.udp("openvpn", dport=1194) as t:  # tls-auth from the middle
        t.client(auth(4, A, 5, 20, 4, body=noise(80, 3)))
        t.client(auth(4, A, 6, 20, 5, body=noise(80, 4)))
    with c.udp("openvpn", dport=1194, src="2001:db8::2", dst="2001:db8:9::9") as t:  # tls-crypt
        t.client(crypt(7, A, 1, 5))
        t.server(crypt(8, B, 1, 17))
    with c.udp("openvpn", dport=1194) as t:  # tls-crypt-v2, with the client's wrapped key
        t.client(crypt(10, A, 0x0f000001, 5, noise(298, 9) + struct.pack("!H", 300)))
    with c.tcp("openvpn", dport=1194) as t:
        t.client(framed(bare(7, A)))
        t.server(framed(bare(8, B, 0, [0], A)))
    with c.tcp("openvpn", dport=443) as t:  # only the server is seen
        t.server(framed(auth(8, B, 1, 20, 0, [0], A)))
    n = captures.file("not.pcap")
    with n.udp(None, dport=1194) as t:  # a session of zeros
        t.client(bare(7, bytes(8)))
        t.server(bare(8, bytes(8), 0, [0], bytes(8)))
    with n.udp(None, dport=1194) as t:  # the answer is to another
        t.client(bare(7, A))
        t.server(bare(8, B, 0, [0], A[::-1]))
    with n.udp(None, dport=1194) as t:  # sent again and again, and never answered
        for _ in range(4):
            t.client(bare(7, A))
    with n.udp(None, dport=1194) as t:  # data packets
        for i in range(6):
            t.client(b"\x48\0\0\x01" + struct.pack("!I", i + 1) + noise(100, i))
    with n.udp(None, dport=443) as t:  # QUIC's short headers: a connection's eight bytes, then noise
        for i in range(6):
            t.client(bytes([0x40 + i]) + A + noise(60, i))
    with n.tcp(None, dport=1194) as t:  # the length is another
        t.client(struct.pack("!H", 300) + bare(7, A))
        t.server(b"no")
    with n.udp(None, dport=1194) as t:  # the right opcode before noise
        t.client(b"\x38" + noise(53, 77))
