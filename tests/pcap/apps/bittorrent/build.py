# SPDX-License-Identifier: GPL-2.0-or-later
# BEP 3 (handshake), 5 (hash table), 10 (extensions), 14 (LAN), 15 (trackers), 29 (uTP).
import struct
from talk import Captures

HASH, PEER = bytes(range(20)), b"-XX0001-abcdefghijkl"
HELLO = b"\x13BitTorrent protocol" + bytes(5) + b"\x10\0\5" + HASH + PEER
ID, TARGET = bytes(range(60, 80)), bytes(range(100, 120))
CONNECT = struct.pack("!QII", 0x41727101980, 0, 0x1234)


def utp(kind, ident, at, seq, ack, payload=b"", extensions=b"", delay=0x51, window=0x100000):
    return struct.pack("!BBHIIIHH", kind << 4 | 1, 1 if extensions else 0, ident, at, delay, window, seq, ack) \
        + extensions + payload


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("bittorrent", dport=51413) as t:
        t.client(HELLO).server(HELLO)
    with c.tcp("bittorrent", dport=1025, midstream=True) as t:  # one side only
        t.server(HELLO)
    with c.tcp("bittorrent", dport=1026, midstream=True) as t:
        t.client(HELLO[1:])
    with c.tcp("bittorrent", dport=1027, midstream=True) as t:
        body = b"\x14\0d1:md11:ut_metadatai2ee1:pi6881e1:v4:Testee"[:-1]
        t.client(struct.pack("!I", len(body)) + body + b"\0\0\0\5\4\0\0\0\1")
    with c.udp("bittorrent", dport=6881) as t:
        t.client(b"d1:ad2:id20:" + ID + b"e1:q4:ping1:t2:aa1:y1:qe")
    with c.udp("bittorrent", dport=53, src="2001:db8::2", dst="2001:db8:9::9") as t:  # an answer alone, on any port
        t.server(b"d2:ip6:\xc0\0\2\1\x1a\xe11:rd2:id20:" + ID + b"5:nodes26:" + TARGET + bytes(6) + b"e1:t2:aa1:y1:re")
    with c.udp("bittorrent", dport=6882) as t:
        t.server(b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee")
    with c.udp("bittorrent", dport=6883) as t:  # cut by a snap length
        t.client((b"d1:ad2:id20:" + ID + b"9:info_hash20:" + TARGET)[:50], wire_length=95)
    with c.udp("bittorrent", dport=1337) as t:
        t.client(CONNECT).server(struct.pack("!IIQ", 0, 0x1234, 77))
    with c.udp("bittorrent", dport=1338) as t:
        t.client(struct.pack("!QII", 99, 1, 5) + HASH + PEER + struct.pack("!QQQIIIiH", 0, 1, 0, 2, 0, 9, -1, 6881))
    with c.udp("bittorrent", dport=1339) as t:
        t.client(struct.pack("!QII", 98, 2, 6) + HASH).server(struct.pack("!IIIII", 2, 6, 3, 4, 5))
    with c.udp("bittorrent", dport=6771, dst="239.192.152.143") as t:
        t.client(b"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: " + b"0" * 40 + b"\r\n\r\n\r\n")
    with c.udp("bittorrent", dport=6890) as t:  # a SYN alone
        t.client(utp(4, 700, 1000000, 1, 0, delay=0))
    with c.udp("bittorrent", dport=6891) as t:  # a SYN with another sequence, and its answer
        t.client(utp(4, 800, 1000000, 4711, 0, delay=0)).server(utp(2, 800, 77, 9000, 4711))
    with c.udp("bittorrent", dport=6892) as t:  # later: both sides
        t.client(utp(0, 901, 5000, 11, 20, b"x" * 30)).server(utp(2, 900, 9999, 21, 11))
    with c.udp("bittorrent", dport=6893) as t:  # one side that counts on
        for i in range(3):
            t.client(utp(0, 1001, 5000 + 900 * i, 11 + i, 20, b"\7" * 40))
    with c.udp("bittorrent", dport=6894) as t:  # selective acknowledgements, one side
        for i in range(4):
            t.server(utp(2, 1100, 5000 + 900 * i, 11, 20 + i, extensions=b"\0\4\1\0\0\0"))
    with c.udp("bittorrent", dport=6895) as t:
        t.client(utp(0, 1201, 5000, 2, 1, HELLO))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=6881) as t:
        t.client(b"\x13BitTorrent protocok" + bytes(48)).server(b"\x13BitTorrent pro")
    with n.tcp(None, dport=6881) as t:
        t.client(b"\x13")
    with n.tcp(None, dport=1027, midstream=True) as t:  # the dictionary is shorter than its message
        t.client(b"\0\0\0\x20\x14\0d1:md1:ai2eee" + bytes(40))
    with n.udp(None, dport=6881) as t:  # an id of 19 bytes
        t.client(b"d1:ad2:id19:" + ID[1:] + b"e1:q4:ping1:t2:aa1:y1:qe")
    with n.udp(None, dport=6881) as t:  # bencoded, and somebody else's
        t.client(b"d3:cow3:moo4:spam4:eggse")
    with n.udp(None, dport=1337) as t:
        t.client(CONNECT[:12])
    with n.udp(None, dport=1338) as t:  # 98 bytes, and an event that is none
        t.client(struct.pack("!QII", 99, 1, 5) + HASH + bytes(20) + struct.pack("!QQQIIIiH", 0, 1, 0, 9, 0, 9, -1, 6881))
    with n.udp(None, dport=1339) as t:  # another transaction comes back
        t.client(struct.pack("!QII", 98, 2, 6) + HASH).server(struct.pack("!IIIII", 2, 7, 3, 4, 5))
    with n.udp(None, dport=6890) as t:  # two headers of no connection
        t.client(utp(0, 901, 5000, 11, 20, b"x" * 30)).server(utp(2, 500, 9999, 21, 11))
    with n.udp(None, dport=6891) as t:  # nothing counts on
        for i in range(6):
            t.client(utp(0, 1001, 5000 + 900 * i, 11, 20, b"\7" * 40))
    with n.udp(None, dport=6892) as t:  # it counts wildly
        for i in range(6):
            t.client(utp(0, 1001, 5000 + 900 * i, 11 + 9000 * i, 20, b"\7" * 40))
    with n.udp(None, dport=6893) as t:  # an extension that leads nowhere
        t.client(utp(4, 700, 1000000, 1, 0, b"", b"\0\xff\0\0", delay=0))
