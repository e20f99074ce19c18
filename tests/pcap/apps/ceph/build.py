# SPDX-License-Identifier: GPL-2.0-or-later
# Ceph documentation, "Messenger v1" and "msgr2 protocol": banners.
import struct
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("ceph", dport=6789) as t:
        t.server(b"ceph v027" + bytes(272))
        t.client(b"ceph v027" + bytes(136))
    with c.tcp("ceph", dport=3300, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"ceph v2\n" + struct.pack("<HQQ", 16, 3, 0))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=6789) as t:
        t.client(b"ceph version 17.2\n")
    with n.tcp(None, dport=3300) as t:
        t.client(b"ceph v2\nhello")
