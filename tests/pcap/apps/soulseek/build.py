# SPDX-License-Identifier: GPL-2.0-or-later
# Nicotine+, "Soulseek Protocol Documentation": server code 1, peer init.
import hashlib, struct
from talk import Captures


def text(value):
    return struct.pack("<I", len(value)) + value


def message(body):
    return struct.pack("<I", len(body)) + body


DIGEST = hashlib.md5(b"nobodysecret").hexdigest().encode()
LOGIN = message(struct.pack("<I", 1) + text(b"nobody") + text(b"secret") + struct.pack("<I", 160) + text(DIGEST) + struct.pack("<I", 1))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("soulseek", dport=2242) as t:
        t.client(LOGIN).server(message(struct.pack("<I", 1) + b"\1" + text(b"hello") + bytes(4)))
    for port, kind in enumerate((b"P", b"F", b"D"), 2234):
        with c.tcp("soulseek", dport=port) as t:
            t.client(message(b"\1" + text(b"nobody") + text(kind) + struct.pack("<I", 77)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=2242) as t:  # no digest
        t.client(LOGIN.replace(DIGEST, b"x" * 32))
    with n.tcp(None, dport=2242) as t:
        t.client(message(b"\1" + text(b"nobody") + text(b"X") + struct.pack("<I", 77)))
    with n.tcp(None, dport=2242) as t:  # longer than it says
        t.client(message(b"\1" + text(b"nobody") + text(b"P") + struct.pack("<II", 77, 0)))
    with n.tcp(None, dport=2242) as t:  # what pierces a firewall
        t.client(message(b"\0" + struct.pack("<I", 77)))
    with n.tcp(None, dport=2242) as t:
        t.client(LOGIN[:30])
