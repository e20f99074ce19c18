# SPDX-License-Identifier: GPL-2.0-or-later
# Gearman PROTOCOL, "Binary Packet".
import struct
from talk import Captures

packet = lambda magic, kind, data: b"\0" + magic + struct.pack(">II", kind, len(data)) + data
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("gearman", dport=4730) as t:  # echo
        t.client(packet(b"REQ", 16, b"hello"))
        t.server(packet(b"RES", 17, b"hello"))
    with c.tcp("gearman", dport=4731, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(packet(b"RES", 6, b""))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=4730) as t:
        t.client(packet(b"REQ", 99, b"hello"))
    with n.tcp(None, dport=4730) as t:
        t.client(packet(b"RET", 16, b"hello"))
