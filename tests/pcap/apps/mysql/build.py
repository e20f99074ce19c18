# SPDX-License-Identifier: GPL-2.0-or-later
# MySQL Internals Manual, "Connection Phase": packets of three bytes of length, a number, payload.
import struct
from talk import Captures

def packet(number, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload

def greeting(version, capabilities=0xDFF7FFFF, reserved=bytes(10)):  # Protocol::HandshakeV10
    return (b"\x0a" + version + b"\0" + struct.pack("<I", 11) + b"abcdefgh\0" + struct.pack("<H", capabilities & 0xFFFF) +
            b"\x2d\x02\0" + struct.pack("<H", capabilities >> 16) + b"\x15" + reserved + b"ijklmnopqrst\0" +
            b"caching_sha2_password\0")

def login(capabilities, size=0, tail=b""):  # Protocol::HandshakeResponse41
    return struct.pack("<IIB", capabilities, 1 << 24, 45) + bytes(23) + tail

SSL = 0x800
LOGIN = 0x1FFA285
HELLO = bytes.fromhex("160301002f0100002b0303") + bytes(range(32)) + bytes.fromhex("00" "0002" "c02f" "0100" "0000")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("mysql", dport=3306) as t:
        t.server(packet(0, greeting(b"8.0.36")))
        t.client(packet(1, login(LOGIN, tail=b"root\0\x14" + bytes(range(20)) + b"db\0caching_sha2_password\0")))
        t.server(packet(2, b"\0\0\0\x02\0\0\0"))
    with c.tcp("mysql", dport=3307, src="2001:db8::2", dst="2001:db8:9::9") as t:  # MariaDB, its capabilities in the reserved
        t.server(packet(0, greeting(b"5.5.5-10.11.6-MariaDB-0+deb12u1", reserved=bytes(6) + b"\x1d\0\0\0")))
    with c.tcp("mysql", dport=3306) as t:  # only the client is seen
        t.client(packet(1, login(LOGIN, tail=b"root\0\0")))
    with c.tcp("mysql", dport=3306) as t:  # version 9, MySQL 3.22
        t.server(packet(0, b"\x093.22.32\0" + struct.pack("<I", 7) + b"abcdefgh\0"))
    with c.tcp("mysql", dport=3306) as t:  # a refusal
        t.server(packet(0, b"\xff\x6a\x04Host '10.0.0.2' is not allowed to connect to this MySQL server"))
    with c.tcp("mysql", dport=3306, midstream=True) as t:
        t.client(packet(0, b"\x03SELECT 1 FROM t"))
    with c.tcp("tls", dport=3306) as t:  # TLS within: what is above is the app
        t.server(packet(0, greeting(b"8.0.36")))
        t.client(packet(1, login(LOGIN | SSL)))
        t.client(HELLO)
    n = captures.file("not.pcap")
    with n.tcp(None, dport=3306) as t:  # a length that is wrong
        t.server(b"\x09" + packet(0, greeting(b"8.0.36"))[1:])
        t.client(b"hello there")
    with n.tcp(None, dport=3306) as t:  # no zeros where they are due
        t.server(packet(0, greeting(b"8.0.36", reserved=b"0123456789")))
        t.client(b"0123456789")
    with n.tcp(None, dport=3306) as t:  # another number
        t.server(packet(1, greeting(b"8.0.36")))
        t.client(packet(3, b"hello, hello, hello, hello, hello"))
    with n.tcp(None, dport=3306) as t:
        t.client(packet(1, struct.pack("<IIB", LOGIN, 1 << 24, 45) + bytes(range(23)) + b"root\0"))
    with n.tcp(None, dport=3306, midstream=True) as t:
        t.client(packet(0, b"\x03SELFISH"))
