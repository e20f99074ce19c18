# SPDX-License-Identifier: GPL-2.0-or-later
# H.323: H.225.0 call signalling in Q.931 and TPKT (RFC 1006), H.245, RAS.
import struct
from talk import Captures

H225 = bytes.fromhex("060008914a0004")
H245 = bytes.fromhex("0600088175000b")


def tpkt(body):
    return struct.pack("!BBH", 3, 0, 4 + len(body)) + body


def q931(kind, elements, reference=b"\x12\x34"):
    return bytes([8, len(reference)]) + reference + bytes([kind]) + elements


def user(body):
    return b"\x7e" + struct.pack("!H", 1 + len(body)) + b"\5" + body


BEARER = bytes.fromhex("040388c0a5")
DISPLAY = b"\x28\6alice\0"
SETUP = user(b"\x20\xa8" + H225 + b"\1\1\0" + bytes(20))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("h323", dport=1720) as t:
        t.client(tpkt(q931(5, BEARER + DISPLAY + SETUP)))
        t.server(tpkt(q931(2, user(b"\x21\x80" + H225), b"\x92\x34")))
    with c.tcp("h323", dport=1720) as t:  # the TPKT in a segment of its own, the server alone
        body = q931(7, DISPLAY + user(b"\x22\x80" + H225))
        t.server(tpkt(body)[:4])
        t.server(body)
    with c.tcp("h323", dport=1720, midstream=True) as t:
        t.client(tpkt(q931(0x5a, b"\x08\x02\x80\x90" + user(b"\x25\x80" + H225))))
    with c.tcp("h323", dport=35000) as t:  # H.245, one message before the capabilities
        t.client(tpkt(bytes.fromhex("01003c000312")) + tpkt(b"\2\x70\1" + H245 + bytes(40)))
    with c.udp("h323", dport=1719) as t:  # RAS: where is a gatekeeper
        t.client(b"\0\xa0\0\1" + H225 + bytes(30))
    with c.udp("h323", dport=1719) as t:
        t.server(b"\x12\x80\0\1" + H225 + bytes(20))

    n = captures.file("not.pcap")
    with n.tcp("!h323", dport=1720) as t:  # RDP: X.224 in the TPKT
        t.client(tpkt(bytes.fromhex("0ee00000000000010008000b000000")))
    with n.tcp("!h323", dport=1720) as t:  # ISDN's call control without user-user
        t.client(tpkt(q931(5, BEARER + DISPLAY)))
    with n.tcp("!h323", dport=1720) as t:  # elements that end elsewhere
        t.client(tpkt(q931(5, BEARER + SETUP) + b"\x28\6ali"))
    with n.tcp("!h323", dport=1720) as t:  # no message of call control
        t.client(tpkt(q931(0x44, SETUP)))
    with n.tcp(None, dport=1720) as t:
        t.client(b"\3\0\0\4")
    with n.udp(None, dport=1719) as t:  # RAS without the identifier
        t.client(bytes.fromhex("269000020300c0") + bytes(30))
    with n.udp(None, dport=1719) as t:  # another object
        t.client(b"\0\xa0\0\1" + b"\6\0\x08\x91\x4b\0\4" + bytes(30))
