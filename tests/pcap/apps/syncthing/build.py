# SPDX-License-Identifier: GPL-2.0-or-later
# Syncthing's specifications: localdisco-v4, localdisco-v3, relay-v1.
import struct
from talk import Captures

ID = bytes(range(32))


def relay(kind, body=b""):
    return struct.pack("!III", 0x9E79BC40, kind, len(body)) + body


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("syncthing", dport=21027, dst="10.0.0.255") as t:
        t.client(b"\x2e\xa7\xd9\x0b\x0a\x20" + ID + b"\x12\x12tcp://0.0.0.0:2200\x18\x99\xf1\x83\x08")
    with c.udp("syncthing", dport=1040, src="fe80::1", dst="ff12::8384") as t:
        t.client(b"\x2e\xa7\xd9\x0b\x0a\x20" + ID)
    with c.udp("syncthing", dport=1041) as t:
        t.client(b"\x7d\x79\xbc\x40" + struct.pack("!I", 32) + ID + bytes(8))
    with c.tcp("syncthing", dport=22067) as t:
        t.client(relay(2)).server(relay(4, struct.pack("!II8s", 0, 7, b"success")))
    with c.tcp("syncthing", dport=1042, midstream=True) as t:
        t.server(relay(0))
    with c.tcp("syncthing", dport=1043) as t:  # joined, and then nothing that is known
        t.client(relay(3, struct.pack("!I4s", 4, b"\1\2\3\4"))).server(relay(4, struct.pack("!II8s", 0, 7, b"success")))
        t.client(bytes(40))
    n = captures.file("not.pcap")
    with n.udp(None, dport=21027) as t:
        t.client(b"\x2e\xa7\xd9\x0b\x0a\x1f" + ID)
    with n.udp(None, dport=21027) as t:
        t.client(b"\x2e\xa7\xd9\x0c\x0a\x20" + ID)
    with n.udp(None, dport=21027) as t:
        t.client(b"\x2e\xa7\xd9")
    with n.tcp(None, dport=22067) as t:  # no such type
        t.client(relay(9)).server(relay(0)[:8])
    with n.tcp(None, dport=22067) as t:
        t.client(struct.pack("!III", 0x9E79BC40, 2, 1 << 20))
