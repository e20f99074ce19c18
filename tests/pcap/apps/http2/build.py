# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 9113, 3.4 (the preface) and 6.5 (SETTINGS). A recorded one: ../../h2c.
from talk import Captures

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\6\4\0\0\0\0\0" + b"\0\3\0\0\0\x64"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("http2", dport=80) as t:
        t.client(PREFACE + SETTINGS)
        t.server(SETTINGS)
    with c.tcp("http2", dport=50051, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(PREFACE)
        t.client(SETTINGS)
    n = captures.file("not.pcap")
    with n.tcp("!http2", dport=80) as t:
        t.client(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + SETTINGS)
    with n.tcp("!http2", dport=80) as t:
        t.client(b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n")
    with n.tcp(None, dport=80) as t:  # SETTINGS without a preface
        t.client(SETTINGS)
