# SPDX-License-Identifier: GPL-2.0-or-later
# memcached doc/protocol.txt (text, UDP frame) and BinaryProtocolRevamped.
import struct
from talk import Captures

def binary(magic, opcode, key=b"", extras=b"", value=b"", status=0, body=None, cas=0):
    return struct.pack(">BBHBBHIIQ", magic, opcode, len(key), len(extras), 0, status,
                       len(key + extras + value) if body is None else body, 0xDEAD, cas) + extras + key + value

frame = lambda data, number=0, count=1, zero=0: struct.pack(">HHHH", 0x1234, number, count, zero) + data
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("memcached", dport=11211) as t:
        t.client(b"set key 0 60 5\r\nvalue\r\n")
        t.server(b"STORED\r\n")
    with c.tcp("memcached", dport=11212, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(b"get key\r\n")
        t.server(b"VALUE key 0 5\r\nvalue\r\nEND\r\n")
    with c.tcp("memcached", dport=11211) as t:
        t.client(b"stats\r\n")
        t.server(b"STAT pid 1\r\nSTAT uptime 2\r\nEND\r\n")
    with c.tcp("memcached", dport=11211) as t:
        t.client(b"version\r\n")
        t.server(b"VERSION 1.6.18\r\n")
    with c.tcp("memcached", dport=11211, midstream=True) as t:  # the server alone
        t.server(b"VALUE key 0 5\r\nvalue\r\nEND\r\n")
    with c.tcp("memcached", dport=11211) as t:
        t.client(binary(0x80, 0x00, b"Hello"))
        t.server(binary(0x81, 0x00, extras=b"\xde\xad\xbe\xef", value=b"World", cas=1))
    with c.tcp("memcached", dport=11211) as t:
        t.client(binary(0x80, 0x01, b"Hello", bytes(8), b"World"))
    with c.tcp("memcached", dport=11211) as t:
        t.server(binary(0x81, 0x00, value=b"Not found", status=1))
    with c.udp("memcached", dport=11211) as t:
        t.client(frame(b"get key\r\n"))
        t.server(frame(b"VALUE key 0 5\r\nvalue\r\nEND\r\n"))
    with c.udp("memcached", dport=11211) as t:  # one of many, cut by a snap length
        t.server(frame(b"STAT pid 1\r\nSTAT upt", count=9), wire_length=1400)
    n = captures.file("not.pcap")
    with n.tcp(None, dport=11211) as t:  # the value is longer
        t.client(b"set key 0 60 5\r\nvalues\r\n")
    with n.tcp(None, dport=11211) as t:  # beanstalkd has the same command
        t.client(b"stats\r\n")
        t.server(b"OK 23\r\n---\ncurrent-jobs: 0\n\r\n")
    with n.tcp("!memcached", dport=11211) as t:  # and so has redis
        t.client(b"get key\r\n")
        t.server(b"$-1\r\n")
    with n.tcp(None, dport=11211) as t:  # a body that is too short for its key
        t.client(binary(0x80, 0x00, b"Hello", body=3))
    with n.tcp(None, dport=11211) as t:
        t.client(b"\x80" + bytes(range(1, 40)))
    with n.udp(None, dport=11211) as t:
        t.client(frame(b"get key\r\n", zero=1))
    with n.udp(None, dport=11211) as t:
        t.client(frame(b"Get a life\r\n"))
