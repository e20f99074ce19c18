# SPDX-License-Identifier: GPL-2.0-or-later
# The client's first bytes as its open implementations write them (see src/inspect/apps/whatsapp.c).
from talk import Captures

NOISE = b"\0\0\x24\x12\x22\x0a\x20" + bytes(range(32))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("whatsapp", dport=443) as t:
        t.client(b"WA\1\5\0\0\x0c\xf8\5\1\xa5\x9a\xfc\4test\x10").server(b"\0\0\5\xf8\3\1\x3a\x91")
    with c.tcp("whatsapp", dport=5222) as t:
        t.client(b"WA\6\3" + NOISE)
    with c.tcp("whatsapp", dport=443, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"ED\0\1\0\0\4\x08\x0a\x08\7WA\6\3" + NOISE)
    n = captures.file("not.pcap")
    with n.tcp(None, dport=443) as t:
        t.client(b"WA\1\5\0\0\x0c\xf7\5\1\xa5\x9a\xfc\4test\x10")
    with n.tcp(None, dport=443) as t:
        t.client(b"WARC/1.0\r\nWARC-Type: warcinfo\r\n")
    with n.tcp(None, dport=443) as t:  # the frame and its message disagree
        t.client(b"WA\6\3" + b"\0\0\x25" + NOISE[3:] + b"\0")
    with n.tcp(None, dport=443) as t:
        t.client(b"ED\0\1\0\0\x7f\x08\x0a")
    with n.tcp(None, dport=443) as t:
        t.client(b"ED\0\1\0\0")
