# SPDX-License-Identifier: GPL-2.0-or-later
# MQTT 3.1.1 (mqtt-v3.1.1-os) 2.2, 3.1 to 3.14; 5.0 (mqtt-v5.0-os) 3.1.2.11, 3.2.2.3, 3.8.
import struct
from talk import Captures

def packet(first, body):
    size, n = b"", len(body)
    while True:
        size += bytes([n % 128 | (128 if n > 127 else 0)])
        n //= 128
        if not n:
            return bytes([first]) + size + body

text = lambda s: struct.pack(">H", len(s)) + s
def connect(name, version, rest=b""):
    return packet(0x10, text(name) + bytes([version, 2]) + struct.pack(">H", 60) + rest)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("mqtt", dport=1883) as t:
        t.client(connect(b"MQTT", 4, text(b"client")))
        t.server(packet(0x20, b"\0\0"))
    with c.tcp("mqtt", dport=1884, src="2001:db8::2", dst="2001:db8:9::9") as t:  # 5.0, no properties
        t.client(connect(b"MQTT", 5, b"\0" + text(b"x" * 200)))
    with c.tcp("mqtt", dport=1883) as t:  # 3.1
        t.client(connect(b"MQIsdp", 3, text(b"client")))
    with c.tcp("mqtt", dport=1883) as t:  # a bridge
        t.client(connect(b"MQTT", 0x84, text(b"bridge")))
    with c.tcp("mqtt", dport=1883) as t:  # the server alone
        t.server(packet(0x20, b"\0\0") + packet(0x90, b"\0\x01\0"))
    with c.tcp("mqtt", dport=1883, midstream=True) as t:
        t.client(packet(0x82, b"\0\x01" + text(b"sensors/#") + b"\x01"))
    with c.tcp("mqtt", dport=1883, midstream=True) as t:  # 5.0
        t.client(packet(0x82, b"\0\x02\0" + text(b"a/+/b") + b"\x2c" + text(b"c") + b"\0"))
    with c.tcp("mqtt", dport=1883, midstream=True) as t:
        t.client(packet(0x32, text(b"sensors/1") + b"\0\x07" + b"21.5") + packet(0x30, text(b"sensors/2") + b"20"))
    with c.tcp("mqtt", dport=1883, midstream=True) as t:
        for _ in range(2):
            t.client(b"\xc0\0")
            t.server(b"\xd0\0")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=1883) as t:  # a version of another name
        t.client(connect(b"MQTT", 3, text(b"client")))
    with n.tcp(None, dport=1883) as t:
        t.client(connect(b"MQTX", 4, text(b"client")))
    with n.tcp(None, dport=1883) as t:  # nothing follows
        t.server(packet(0x20, b"\0\0"))
    with n.tcp(None, dport=1883, midstream=True) as t:  # filters that do not end with the packet
        t.client(packet(0x82, b"\0\x01" + text(b"sensors/#") + b"\x01\0"))
    with n.tcp(None, dport=1883, midstream=True) as t:
        t.client(packet(0x30, text(b"sensors/1") + b"21.5"))
    with n.tcp(None, dport=1883, midstream=True) as t:
        t.client(b"\xc0\0")
        t.server(b"\xd0\0")
