# SPDX-License-Identifier: GPL-2.0-or-later
# "Quake III Arena network protocol"; ioquake3's net_chan.c, sv_main.c and the dpmaster's techinfo.txt.
from talk import Captures

OUT = b"\xff\xff\xff\xff"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("quake", dport=27960) as t:
        t.client(OUT + b"getstatus\n").server(OUT + b"statusResponse\n\\sv_hostname\\test\n")
    with c.udp("quake", dport=27950) as t:
        t.client(OUT + b"getservers 68 empty full").server(OUT + b"getserversResponse\\\xc0\0\2\1\x6d\x38\\EOT")
    with c.udp("quake", dport=1110) as t:
        t.client(OUT + b'connect "\\protocol\\68"')
    n = captures.file("not.pcap")
    with n.udp(None, dport=27960) as t:
        t.client(OUT + b"getstatuses\n")
    with n.udp(None, dport=27960) as t:
        t.client(OUT + b"getstat")
    with n.udp(None, dport=27960) as t:
        t.client(OUT + b"connect\1\2\3")
    with n.udp(None, dport=27960) as t:
        t.client(OUT)
