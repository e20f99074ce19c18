# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 4795, 2.1: a DNS message to 224.0.0.252 or ff02::1:3, port 5355, with its own flags.
import struct

from talk import Captures

NAME = b"\x07printer\0"


def message(flags=0, extra=b""):
    return struct.pack("!HHHHHH", 0x4711, flags, 1, 0, 0, 0) + NAME + struct.pack("!HH", 1, 1) + extra


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("llmnr", dport=5355, dst="224.0.0.252") as t:
        t.client(message())
    with c.udp("llmnr", dport=5355, src="fe80::2", dst="ff02::1:3") as t:
        t.client(message())
    n = captures.file("not.pcap")
    with n.udp("!llmnr", dport=5355, dst="224.0.0.252") as t:
        t.client(message(extra=b"x"))
    with n.udp("!llmnr", dport=5355, dst="224.0.0.252") as t:  # no such operation
        t.client(message(0x7800))
    with n.udp(None, dport=5355, dst="224.0.0.252") as t:
        t.client(bytes(30))
