# SPDX-License-Identifier: GPL-2.0-or-later
# Questions and answers of its calls, as captured (see src/inspect/apps/viber.c).
import struct
from talk import Captures


def message(ident, kind, length):
    return struct.pack("<HH", ident, kind) + bytes(i * 11 & 255 for i in range(length - 4))


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("viber", dport=7985) as t:
        t.client(message(0x4711, 3, 12)).server(message(0x4711, 4, 12))
    with c.udp("viber", dport=7987) as t:
        t.client(message(0x4712, 12, 55)).client(message(0x4713, 12, 55)).server(message(0x4712, 1, 76))
    n = captures.file("not.pcap")
    with n.udp(None, dport=7985) as t:
        t.client(message(0x4711, 3, 12))
    with n.udp(None, dport=7985) as t:  # another id
        t.client(message(0x4711, 3, 12)).server(message(0x4712, 4, 12))
    with n.udp(None, dport=7985) as t:  # another kind
        t.client(message(0x4711, 3, 12)).server(message(0x4711, 1, 76))
    with n.udp(None, dport=7985) as t:  # both from one side
        t.client(message(0x4711, 3, 12)).client(message(0x4711, 4, 12))
