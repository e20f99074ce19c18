# SPDX-License-Identifier: GPL-2.0-or-later
# developer.valvesoftware.com/wiki/Server_queries
import struct
from talk import Captures

OUT = b"\xff\xff\xff\xff"
INFO = OUT + b"I\x11A server\0de_dust\0cstrike\0Counter-Strike\0\xf0\0\5\x10\0dl\0\1" + b"1.0.0.0\0"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("source-engine", dport=27015) as t:
        t.client(OUT + b"TSource Engine Query\0").server(OUT + b"A\1\2\3\4")
    with c.udp("source-engine", dport=1100) as t:
        t.server(INFO)
    with c.udp("source-engine", dport=1101) as t:
        t.client(OUT + b"U" + OUT).server(OUT + b"A\1\2\3\4")
    with c.udp("source-engine", dport=1102) as t:
        t.client(OUT + b"V\1\2\3\4").server(OUT + b"E\1\0mp_x\0001\0")
    n = captures.file("not.pcap")
    with n.udp(None, dport=27015) as t:
        t.client(OUT + b"TSource Engine Quer")
    with n.udp(None, dport=27015) as t:  # an answer to another question
        t.client(OUT + b"V\1\2\3\4").server(OUT + b"D\1\0x\0")
    with n.udp(None, dport=27015) as t:
        t.client(OUT + b"U\1\2\3\4\5").server(OUT + b"A\1\2\3\4")
    with n.udp(None, dport=27015) as t:  # no system by that letter
        t.server(INFO.replace(b"dl\0\1", b"dx\0\1"))
    with n.udp(None, dport=27015) as t:
        t.client(b"\xff\xff\xff\xfeTSource Engine Query\0")
