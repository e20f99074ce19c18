# SPDX-License-Identifier: GPL-2.0-or-later
# HCF_SPEC-085 (HART over IP): header 2, session 3; HART frame of HCF_SPEC-081.
import functools, struct
from talk import Captures

def message(kind, number, body=b"", status=0, sequence=2, version=1, total=None):
    return struct.pack(">BBBBHH", version, kind, number, status, sequence, 8 + len(body) if total is None else total) + body

def frame(delimiter, address, command, data=b""):
    body = bytes([delimiter]) + address + bytes([command, len(data)]) + data
    return body + bytes([functools.reduce(lambda a, b: a ^ b, body)])

BEGIN = struct.pack(">BI", 1, 30000)
READ = frame(0x82, bytes.fromhex("264e0000d2"), 0)
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("hart-ip", dport=5094) as t:
        t.client(message(0, 0, BEGIN))
        t.server(message(1, 0, BEGIN))
    with c.tcp("hart-ip", dport=5095, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(message(0, 3, READ))
        t.server(message(1, 3, frame(0x86, bytes.fromhex("264e0000d2"), 0, bytes(24))))
    with c.udp("hart-ip", dport=5094) as t:
        t.server(message(2, 3, frame(0x01, b"\x80", 9, bytes(10))))
    with c.udp("hart-ip", dport=5094) as t:
        t.client(message(0, 2))
        t.server(message(1, 2))
    with c.tcp("hart-ip", dport=5094, midstream=True) as t:
        t.client(message(0, 2) + message(0, 2, sequence=3))
    n = captures.file("not.pcap")
    with n.udp(None, dport=5094) as t:
        t.client(message(0, 0, BEGIN, total=14))
    with n.udp(None, dport=5094) as t:  # nothing answers
        t.client(message(0, 2))
    with n.udp(None, dport=5094) as t:  # a checksum that is wrong
        t.client(message(0, 3, READ[:-1] + b"\1"))
    with n.udp(None, dport=5094) as t:  # a request has no status
        t.client(message(0, 0, BEGIN, status=5))
    with n.udp(None, dport=5094) as t:
        t.client(message(0, 0, b"\7" + BEGIN[1:]))
