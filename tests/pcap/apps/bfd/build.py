# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 5880, 4.1 to 4.4.
import struct
from talk import Captures


def control(first=0x20, state=0xC0, multiplier=3, length=24, mine=7, yours=9, tx=300000, rx=300000, echo=0, extra=b""):
    return struct.pack("!BBBBIIIII", first, state, multiplier, length, mine, yours, tx, rx, echo) + extra


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("bfd", sport=49152, dport=3784) as t:
        t.client(control())
    with c.udp("bfd", sport=49153, dport=3784, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(control(state=0x40, yours=0, tx=1000000, rx=1000000))
    with c.udp("bfd", sport=49154, dport=4784) as t:        # with a digest
        t.client(control(state=0xC4, length=48, extra=b"\2\x18\1\0" + bytes(20)))
    n = captures.file("not.pcap")
    with n.udp(None, sport=49155, dport=3784) as t:
        t.client(control(first=0x40))
    with n.udp(None, sport=49156, dport=3784) as t:
        t.client(control(length=25))
    with n.udp(None, sport=49157, dport=3784) as t:
        t.client(control(mine=0))
    with n.udp(None, sport=49158, dport=3784) as t:
        t.client(control(tx=300001))
    with n.udp(None, sport=49159, dport=3784) as t:
        t.client(control(state=0xC1))
    with n.udp(None, sport=49160, dport=3784) as t:
        t.client(control(yours=0))
