# SPDX-License-Identifier: GPL-2.0-or-later
# Apache Tomcat Connectors, "AJP Protocol Reference" (AJPv13): packets, Forward Request, Send Headers, CPing.
import struct
from talk import Captures


def string(value):
    return struct.pack("!H", len(value)) + value + b"\0"


def ask(body):
    return struct.pack("!HH", 0x1234, len(body)) + body


def answer(body):
    return struct.pack("!2sH", b"AB", len(body)) + body


forward = ask(b"\x02\x02" + string(b"HTTP/1.1") + string(b"/") + string(b"10.0.0.2") + b"\xff\xff" + string(b"example.org") +
              struct.pack("!HBH", 80, 0, 1) + b"\xa0\x0b" + string(b"example.org") + b"\xff")
headers = answer(b"\x04" + struct.pack("!H", 200) + string(b"OK") + struct.pack("!H", 1) + b"\xa0\x01" + string(b"text/html"))
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("ajp", dport=8009) as t:
        t.client(forward)
        t.server(headers)
        t.server(answer(b"\x05\x01"))
    with c.tcp("ajp", dport=9009, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(ask(b"\x0a"))
        t.server(answer(b"\x09"))
    with c.tcp("ajp", dport=8009, midstream=True) as t:  # only the container is seen
        t.server(headers)
    n = captures.file("not.pcap")
    with n.tcp(None, dport=8009) as t:  # a ping that is longer
        t.client(ask(b"\x0a\0"))
    with n.tcp(None, dport=8009) as t:  # no protocol
        t.client(ask(b"\x02\x02" + string(b"SPDY/1.1") + string(b"/")))
    with n.tcp(None, dport=8009) as t:  # text that begins with the container's letters
        t.server(b"ABRACADABRA\r\n")
    with n.tcp(None, dport=8009) as t:
        t.client(b"\x12\x34\x00\x20" + bytes(32))
