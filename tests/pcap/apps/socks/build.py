# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1928, 3 to 6; SOCKS4 and 4A. Recorded ones, with what they carry: ../../socks.
from talk import Captures

NAME = b"dst.example"
CONNECT = b"\5\1\0\3" + bytes([len(NAME)]) + NAME + b"\1\xbb"
GRANTED = b"\5\0\0\1\0\0\0\0\0\0"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("socks", dport=1080) as t:
        t.client(b"\5\2\0\2")
        t.server(b"\5\0")
        t.client(CONNECT)
        t.server(b"\5\5\0\1\0\0\0\0\0\0")  # refused
    with c.tcp("socks", dport=9050, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"\5\1\0")
        t.server(b"\5\0")
        t.client(CONNECT)
        t.server(GRANTED)
    with c.tcp("socks", dport=1080) as t:  # 4A
        t.client(b"\4\1\1\xbb\0\0\0\1me\0" + NAME + b"\0")
        t.server(b"\0\x5b\0\0\0\0\0\0")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=1080) as t:  # an echo
        t.client(b"\5\2\0\2")
        t.server(b"\5\2\0\2")
    with n.tcp(None, dport=1080) as t:  # a method that was not offered
        t.client(b"\5\1\0")
        t.server(b"\5\7")
    with n.tcp(None, dport=1080) as t:  # no such version
        t.client(b"\6\1\0")
        t.server(b"\6\0")
