# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 6762, 5.4 (questions) and 18 (the message). A recorded one: ../../mdns.
import struct

from talk import Captures

NAME = b"\x05_http\x04_tcp\x05local\0"


def message(flags=0, extra=b""):
    return struct.pack("!HHHHHH", 0, flags, 1, 0, 0, 0) + NAME + struct.pack("!HH", 12, 1) + extra


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("mdns", dport=5353, sport=5353, dst="224.0.0.251") as t:
        t.client(message())
    with c.udp("mdns", dport=5353, sport=5353, src="fe80::2", dst="ff02::fb") as t:
        t.client(message())
    n = captures.file("not.pcap")
    with n.udp("!mdns", dport=5353, sport=5353, dst="224.0.0.251") as t:
        t.client(message(extra=b"x"))
    with n.udp("!mdns", dport=5353, sport=5353, dst="224.0.0.251", src="10.0.0.3") as t:  # no such operation
        t.client(message(0x2800))
    with n.udp(None, dport=5353, sport=5353, dst="224.0.0.251", src="10.0.0.4") as t:
        t.client(bytes(30))
