# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 2281, 5.1; version 2's TLVs as Cisco describes them.
from talk import Captures

V1 = b"\0\0\x10\3\x0a\x64\1\0cisco\0\0\0\x0a\0\0\1"
STATE = b"\1\x28\2\0\6\4\0\1" + b"\2\0\0\0\0\1" + b"\0\0\0\x64" + b"\0\0\x0b\xb8" + b"\0\0\x27\x10" + b"\x0a\0\0\1" + bytes(12)
INTERFACE = b"\2\4\0\1\0\0"
DIGEST = b"\4\x1c\1\0\0\0" + bytes(24)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("hsrp", sport=1985, dport=1985, dst="224.0.0.2") as t:
        t.client(V1)
    with c.udp("hsrp", sport=1985, dport=1985, dst="224.0.0.102") as t:
        t.client(STATE)
    with c.udp("hsrp", sport=1985, dport=1985, dst="224.0.0.103") as t:
        t.client(INTERFACE + STATE + DIGEST)
    with c.udp("hsrp", sport=2029, dport=2029, src="fe80::2", dst="ff02::66") as t:
        t.client(INTERFACE)
    n = captures.file("not.pcap")
    with n.udp(None, sport=1985, dport=1985) as t:
        t.client(V1.replace(b"cisco", b"linux"))
    with n.udp(None, sport=1985, dport=1986) as t:
        t.client(V1[:2] + b"\3" + V1[3:])
    with n.udp(None, sport=1985, dport=1987) as t:
        t.client(STATE + b"\0")
    with n.udp(None, sport=1985, dport=1988) as t:
        t.client(STATE[:2] + b"\3" + STATE[3:])
    with n.udp(None, sport=1985, dport=1989) as t:
        t.client(DIGEST)
