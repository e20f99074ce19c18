# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 3164, 4; RFC 5424, 6; RFC 6587, 3.4 (TCP).
from talk import Captures

NEW = b"<165>1 2026-01-02T03:04:05.003Z host.example app 42 ID47 - \xef\xbb\xbfstarted"
OLD = b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed on /dev/pts/8"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("syslog", dport=514) as t:
        t.client(OLD)
    with c.udp("syslog", dport=1514, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(NEW)
    with c.udp("syslog", dport=514) as t:                   # no time: a tag
        t.client(b"<13>backup[311]: done\n")
    with c.udp("syslog", dport=514) as t:                   # a router's number in sequence
        t.client(b"<189>29: *Mar  1 18:46:11: %SYS-5-CONFIG_I: Configured from console\0")
    with c.udp("syslog", dport=514) as t:
        t.client(b"<134>date=2026-01-02 time=03:04:05 devname=fw type=traffic")
    with c.udp("syslog", dport=514) as t:
        t.client(OLD[:40], wire_length=len(OLD))
    with c.tcp("syslog", dport=601) as t:                   # counted
        t.client(b"%d %s" % (len(NEW), NEW))
        t.client(b"%d %s" % (len(OLD), OLD))
    with c.tcp("syslog", dport=514) as t:                   # by lines
        t.client(OLD + b"\n" + NEW + b"\n")
    n = captures.file("not.pcap")
    with n.udp(None, dport=514) as t:                       # more than 23 facilities
        t.client(b"<192>Oct 11 22:14:15 mymachine su: failed")
    with n.udp(None, dport=514) as t:
        t.client(b"<034>Oct 11 22:14:15 mymachine su: failed")
    with n.udp(None, dport=514) as t:
        t.client(b"<34>Oct 11 22:14:15 mymachine su: \1\2\3")
    with n.udp(None, dport=514) as t:                       # a chat
        t.client(b"<1>hello there everybody")
    with n.udp(None, dport=514) as t:
        t.client(b"<34>" + bytes((i * 31 + 128) & 255 for i in range(40)))
    with n.tcp("!syslog", dport=514) as t:                  # markup
        t.client(b"<html><head>a: b</head></html>\n")
    with n.tcp("!syslog", dport=601) as t:                  # a server answers
        t.client(b"12 monkeys\n")
        t.server(b"<34>su: no thanks to you\n")
