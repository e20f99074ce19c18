# SPDX-License-Identifier: GPL-2.0-or-later
# NSQ, "TCP Protocol Spec": two blanks and V2, then commands.
import struct
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("nsq", dport=4150) as t:
        t.client(b"  V2IDENTIFY\n" + struct.pack(">I", 2) + b"{}")
        t.server(struct.pack(">II", 6, 0) + b"OK")
    with c.tcp("nsq", dport=4151, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"  V2")
        t.client(b"SUB topic channel\n")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=4150) as t:
        t.client(b"  V2 is a rocket\n")
