# SPDX-License-Identifier: GPL-2.0-or-later
# RTSP, RFC 2326 and 7826.
import base64
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("rtsp", dport=554) as t:
        t.client(b"OPTIONS rtsp://192.0.2.9/live RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        t.server(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n")
        t.client(b"DESCRIBE rtsp://192.0.2.9/live RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n")
    with c.tcp("rtsp", dport=8554) as t:  # the server alone
        t.server(b"RTSP/2.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n")
    with c.tcp("rtsp", dport=8554, midstream=True) as t:
        t.client(b"SETUP rtsp://192.0.2.9/live/track1 RTSP/1.0\r\nTransport: RTP/AVP;unicast\r\n\r\n")
    with c.tcp("rtsp", dport=554) as t:
        t.client(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    with c.udp("rtsp", dport=554) as t:
        t.client(b"PLAY rtsp://192.0.2.9/live RTSP/1.0\r\nCSeq: 4\r\n\r\n")
    with c.tcp("rtsp", dport=80) as t:  # in HTTP: what the server sends
        t.client(b"GET /live HTTP/1.0\r\nx-sessioncookie: 1\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n")
        t.server(b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n")
        t.server(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
    with c.tcp("rtsp", dport=80) as t:  # in HTTP: what the client sends
        t.client(b"POST /live HTTP/1.0\r\nContent-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n\r\n")
        t.client(base64.b64encode(b"DESCRIBE rtsp://192.0.2.9/live RTSP/1.0\r\nCSeq: 1\r\n\r\n"))
    with c.tcp("rtsp", dport=80, midstream=True) as t:  # in HTTP: the server alone
        t.server(b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n")

    n = captures.file("not.pcap")
    with n.tcp("http", dport=80) as t:  # the type is another header's
        t.client(b"GET /live HTTP/1.0\r\nX-Type: application/x-rtsp-tunnelled\r\n\r\n")
    with n.tcp("!rtsp", dport=554) as t:
        t.client(b"OPTIONS * HTTP/1.0\r\n\r\n")
    with n.tcp("!rtsp", dport=554) as t:
        t.client(b"OPTIONS sip:example.org SIP/2.0\r\n\r\n")
    with n.tcp("!rtsp", dport=554) as t:
        t.client(b"PAUSING rtsp://192.0.2.9/ RTSP/1.0\r\n\r\n")
    with n.tcp("!rtsp", dport=554) as t:  # a frame of media between
        t.server(b"$\0\0\x10\x80\x60\0\1" + bytes(12))
