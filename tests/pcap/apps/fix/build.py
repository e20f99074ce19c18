# SPDX-License-Identifier: GPL-2.0-or-later
# FIX Trading Community, the encoding of tags and values. First come BeginString (8), BodyLength (9), MsgType (35).
from talk import Captures


def message(version, kind, body):
    rest = b"35=" + kind + b"\x01" + body
    head = b"8=" + version + b"\x019=%d\x01" % len(rest) + rest
    return head + b"10=%03d\x01" % (sum(head) & 255)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("fix", dport=9880) as t:
        t.client(message(b"FIX.4.4", b"A", b"49=BUYER\x0156=SELLER\x0134=1\x0198=0\x01108=30\x01"))
        t.server(message(b"FIX.4.4", b"A", b"49=SELLER\x0156=BUYER\x0134=1\x0198=0\x01108=30\x01"))
    with c.tcp("fix", dport=5001, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:
        t.server(message(b"FIXT.1.1", b"0", b"34=7\x01"))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=9880) as t:  # written for a person to read
        t.client(b"8=FIX.4.4|9=60|35=A|49=BUYER|56=SELLER|")
    with n.tcp(None, dport=9880) as t:
        t.client(b"8=FAST.1.1\x019=60\x0135=A\x01")
