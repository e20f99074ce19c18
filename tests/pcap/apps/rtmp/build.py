# SPDX-License-Identifier: GPL-2.0-or-later
# RTMP 1.0, 5.2: the handshake; 7.2.1.1: connect.
import random, struct
from talk import Captures

noise = random.Random(1935)


def block(time, version=bytes(4)):
    return struct.pack("!I", time) + version + noise.randbytes(1528)


def connect():
    body = b"\2\0\7connect\0\x3f\xf0" + bytes(6) + b"\3\0\3app\2\0\4live\0\0\x09"
    return b"\3" + bytes(3) + len(body).to_bytes(3, "big") + b"\x14" + bytes(4) + body


C1, S1 = block(0), block(0x01020304)
F1, FS1 = block(77, b"\x0a\0\x0c\2"), block(88, b"\5\0\3\1")

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("rtmp", dport=1935) as t:
        t.client(b"\3" + C1)
        t.server(b"\3" + S1 + C1)
        t.client(S1 + connect())
    with c.tcp("rtmp", dport=1935) as t:  # digests: what comes back is not what was sent
        t.client(b"\3" + F1)
        t.server(b"\3" + FS1 + noise.randbytes(1536))
        t.client(noise.randbytes(1536) + connect())
    with c.tcp("rtmp", dport=80) as t:  # the client alone
        t.client(b"\3" + C1 + S1 + connect())

    n = captures.file("not.pcap")
    with n.tcp(None, dport=1935) as t:  # half a handshake
        t.client(b"\3" + C1)
    with n.tcp(None, dport=1935) as t:  # not what was sent
        t.client(b"\3" + C1)
        t.server(b"\3" + S1 + S1)
    with n.tcp(None, dport=1935) as t:  # another command
        t.client(b"\3" + C1 + S1 + connect().replace(b"connect", b"collect"))
    with n.tcp("!rtmp", dport=1935) as t:  # a TPKT begins alike
        t.client(bytes.fromhex("030000130ee00000000000010008000b000000"))
    with n.tcp("!rtmp", dport=1935) as t:
        t.client(b"\6" + C1)
