# SPDX-License-Identifier: GPL-2.0-or-later
# LAN discovery as captured; the access point's greeting by librespot's keyexchange.proto.
import struct
from talk import Captures


def hello(build=b"\x50\0\xa0\1\0\xf0\1\x09\xc0\2\xd2\xe6\xf5\x3e", rest=b"\xa0\1\0\xf0\1\0" + b"\x92\3\x67\x52\x65\x0a\x60" + bytes(range(96)) + b"\xe2\3\x10" + bytes(range(16))):
    body = b"\x52" + bytes([len(build)]) + build + rest
    return b"\0\4" + struct.pack("!I", len(body) + 6) + body


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("spotify", sport=57621, dport=57621, dst="10.0.0.255") as t:
        t.client(b"SpotUdp0" + bytes(range(36)))
    with c.udp("spotify", dport=1060) as t:
        t.client(b"SpotUdp0" + bytes(8), wire_length=44)
    with c.tcp("spotify", dport=4070) as t:
        t.client(hello()).server(struct.pack("!I", 64) + b"\x52\x3a" + bytes(58))
    with c.tcp("spotify", dport=443) as t:
        t.client(hello(build=b"\x50\0\xf0\1\x02\xc0\2\x81\x01"))
    n = captures.file("not.pcap")
    with n.udp(None, sport=57621, dport=57621) as t:
        t.client(b"SpotTcp0" + bytes(36))
    with n.udp(None, sport=57621, dport=57621, dst="192.0.2.10") as t:
        t.client(b"SpotUd")
    with n.tcp(None, dport=4070) as t:  # no version
        t.client(hello(build=b"\x50\0\xf0\1\x02\x00\x02\x81\x01"))
    with n.tcp(None, dport=4070) as t:  # too long to be one
        t.client(b"\0\4\0\1\0\0" + hello()[6:])
    with n.tcp(None, dport=4070) as t:
        t.client(b"\0\4\0\0\0\x60\x52")
