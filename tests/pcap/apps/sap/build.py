# SPDX-License-Identifier: GPL-2.0-or-later
# SAP, RFC 2974; what is announced, RFC 8866.
from talk import Captures

SDP = b"v=0\r\no=- 42 1 IN IP4 10.0.0.2\r\ns=news\r\nc=IN IP4 239.1.2.3/8\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"
HASH = b"\x12\x34"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("sap", dport=9875, dst="224.2.127.254") as t:
        t.client(b"\x20\0" + HASH + b"\x0a\0\0\2application/sdp\0" + SDP)
    with c.udp("sap", dport=9875, dst="224.2.127.254") as t:  # without the type
        t.client(b"\x20\0" + HASH + b"\x0a\0\0\2" + SDP)
    with c.udp("sap", dport=9875, src="2001:db8::2", dst="ff0e::2:7ffe") as t:  # signed, IPv6
        t.client(b"\x30\2" + HASH + bytes(16) + b"\x20\1" + bytes(6) + b"application/sdp\0" + SDP)
    with c.udp("sap", dport=9875, dst="224.2.127.254") as t:  # a deletion
        t.client(b"\x24\0" + HASH + b"\x0a\0\0\2o=- 42 1 IN IP4 10.0.0.2\r\n")

    n = captures.file("not.pcap")
    with n.udp(None, dport=9875, dst="224.2.127.254") as t:  # encrypted
        t.client(b"\x22\0" + HASH + b"\x0a\0\0\2application/sdp\0" + SDP)
    with n.udp(None, dport=9875, dst="224.2.127.254") as t:  # the source's address is missing
        t.client(b"\x20\0" + HASH + SDP)
    with n.udp(None, dport=9875, dst="224.2.127.254") as t:  # a description alone
        t.client(SDP)
    with n.udp(None, dport=9875, dst="224.2.127.254") as t:
        t.client(b"\x20\0" + HASH + b"\x0a\0\0\2application/sdx\0" + bytes(20))
    with n.udp(None, dport=9875, dst="224.2.127.254") as t:  # authentication data longer than all
        t.client(b"\x20\xff" + HASH + b"\x0a\0\0\2application/sdp\0" + SDP)
