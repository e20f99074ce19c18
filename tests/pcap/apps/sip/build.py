# SPDX-License-Identifier: GPL-2.0-or-later
# SIP, RFC 3261.
from talk import Captures

VIA = b"Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1\r\n"
REST = VIA + b"From: <sip:a@example.org>;tag=1\r\nTo: <sip:b@example.org>\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\n\r\n"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("sip", dport=5060) as t:
        t.client(b"INVITE sip:b@example.org SIP/2.0\r\n" + REST)
        t.server(b"SIP/2.0 100 Trying\r\n" + REST)
    with c.udp("sip", dport=5060) as t:  # the answer alone
        t.server(b"SIP/2.0 401 Unauthorized\r\n" + REST)
    with c.udp("sip", dport=5060) as t:  # keepalives before
        t.client(b"\r\n\r\n")
        t.client(b"REGISTER sip:example.org SIP/2.0\r\n" + REST)
    with c.udp("sip", dport=15060) as t:  # cut by the capture in the URI
        t.client(b"REGISTER sip:example.o", wire_length=400)
    with c.tcp("sip", dport=5060) as t:
        t.client(b"\r\nOPTIONS sips:example.org SIP/2.0\r\n" + REST)
    with c.tcp("sip", dport=5060, midstream=True) as t:
        t.server(b"SIP/2.0 200 OK\r\n" + REST)
    with c.udp("sip", dport=5060) as t:
        t.client(b"INVITE tel:+15551234 SIP/2.0\r\n" + REST)

    n = captures.file("not.pcap")
    with n.udp(None, dport=5060) as t:  # keepalives alone
        t.client(b"\r\n\r\n")
        t.client(b"hello")
        t.client(bytes(4))
    with n.tcp("!sip", dport=5060) as t:
        t.client(b"OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n")
    with n.tcp("!sip", dport=5060) as t:
        t.client(b"OPTIONS rtsp://example.org/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    with n.udp(None, dport=5060) as t:
        t.client(b"INVITE tel:+15551234 SIX/2.0\r\n" + REST)
    with n.udp(None, dport=5060) as t:
        t.server(b"SIP/2.0 TRYING\r\n" + REST)
    with n.tcp("!sip", dport=25) as t:
        t.client(b"HELLO sip:b@example.org SIP/2.0\r\n")
