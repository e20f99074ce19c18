# SPDX-License-Identifier: GPL-2.0-or-later
# developer.bitcoin.org/reference/p2p_networking.html: message headers. BIP 325 (signet), BIP 94 (testnet4).
import hashlib, struct
from talk import Captures

MAIN = b"\xf9\xbe\xb4\xd9"


def message(command, body=b"", magic=MAIN):
    check = hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
    return magic + command.ljust(12, b"\0") + struct.pack("<I", len(body)) + check + body


VERSION = struct.pack("<iQQ", 70016, 9, 1700000000) + bytes(52) + struct.pack("<Q", 77) + b"\x0c/Test:27.0.0/"[:13] + struct.pack("<i?", 0, True)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("bitcoin", dport=8333) as t:
        t.client(message(b"version", VERSION)).server(message(b"version", VERSION) + message(b"verack"))
    for port, magic in enumerate((b"\x0b\x11\x09\x07", b"\xfa\xbf\xb5\xda", b"\x0a\x03\xcf\x40", b"\x1c\x16\x3f\x28", b"\xfb\xc0\xb6\xdb", b"\xc0\xc0\xc0\xc0"), 1070):
        with c.tcp("bitcoin", dport=port) as t:
            t.client(message(b"version", VERSION, magic))
    with c.tcp("bitcoin", dport=1080, midstream=True) as t:  # the client's bytes begin within a message
        t.client(bytes(range(60))).server(message(b"inv", b"\1" + bytes(36)))
    with c.tcp("bitcoin", dport=1081, midstream=True) as t:
        t.server(message(b"cmpctblock", bytes(300)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=8333) as t:
        t.client(message(b"version", VERSION, b"\xf9\xbe\xb4\xd8"))
    with n.tcp(None, dport=8333) as t:  # a command that is none
        t.client(MAIN + b"ver\0ion".ljust(12, b"\0") + bytes(8) + VERSION)
    with n.tcp(None, dport=8333) as t:  # longer than a message may be
        t.client(MAIN + b"version".ljust(12, b"\0") + struct.pack("<I", 1 << 30) + bytes(40))
    with n.tcp(None, dport=8333) as t:  # BIP 324: noise
        t.client(bytes(i * 73 & 255 for i in range(64))).server(bytes(i * 51 & 255 for i in range(64)))
    with n.tcp(None, dport=8333) as t:
        t.client(MAIN)
