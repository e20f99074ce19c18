# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 9300, 5.1 (data); RFC 9301, 5.8 (encapsulated control messages).
import struct
from talk import Captures
from talk_inner import ip4, ip6


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("lisp", dport=4341) as t:
        t.client(b"\xc0\x12\x34\x56\0\0\0\1" + ip4())
    with c.udp("lisp", dport=4341, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"\x48\0\0\0\0\0\x2a\1" + ip6())
    with c.udp("lisp", dport=4342) as t:
        t.client(b"\x80\0\0\0" + ip4(b"\x10\xf6\x10\xf6\0\x28\0\0\x10\0\0\1" + bytes(28)))
    n = captures.file("not.pcap")
    with n.udp(None, dport=4341) as t:                      # a nonce, and a flag that there is none
        t.client(b"\x48\x12\x34\x56\0\0\x2a\1" + ip4())
    with n.udp(None, dport=4341) as t:
        t.client(b"\xd0\x12\x34\x56\0\0\0\1" + ip4())
    with n.udp(None, dport=4341) as t:
        t.client(b"\xc0\x12\x34\x56\0\0\0\1" + ip4() + b"\0")
    with n.udp(None, dport=4342) as t:
        t.client(b"\x90\0\0\0" + ip4(bytes(20)))
    with n.udp("!lisp", dport=2152) as t:                   # GTP has a packet there, too
        t.client(struct.pack("!BBHI", 0x30, 255, len(ip4()), 7) + ip4())
