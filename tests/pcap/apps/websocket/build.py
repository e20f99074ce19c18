# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 6455, 1.3 and 4: the opening handshake; 5.2: frames.
from talk import Captures

ask = (b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
yes = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("websocket", dport=80) as t:
        t.client(ask)
        t.server(yes + b"\x81\x05Hello")
        t.client(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
    with c.tcp("websocket", dport=8080, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:  # only the server is seen
        t.server(yes)
    n = captures.file("not.pcap")
    with n.tcp("http", dport=80) as t:  # refused
        t.client(ask)
        t.server(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    with n.tcp("http", dport=80) as t:  # asked for and never answered
        t.client(ask)
    with n.tcp("http", dport=80) as t:  # switched to something else
        t.client(ask.replace(b"Upgrade: websocket", b"Upgrade: foo/2"))
        t.server(yes.replace(b"Upgrade: websocket", b"Upgrade: foo/2"))
    with n.tcp(None, dport=80, midstream=True) as t:  # frames alone have nothing that could be recognised
        t.client(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
        t.server(b"\x81\x05Hello")
