# SPDX-License-Identifier: GPL-2.0-or-later
# OPC 10000-6 7.1.2 (UACP messages), 6.7.2 (secure conversation messages).
import struct
from talk import Captures

string = lambda s: struct.pack("<I", len(s)) + s
def message(kind, body, size=None):
    return kind + struct.pack("<I", 8 + len(body) if size is None else size) + body

URL = b"opc.tcp://192.0.2.9:4840/"
HELLO = struct.pack("<IIIII", 0, 65536, 65536, 0, 0)
POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#None"
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("opcua", dport=4840) as t:
        t.client(message(b"HELF", HELLO + string(URL)))
        t.server(message(b"ACKF", HELLO))
        t.client(message(b"OPNF", struct.pack("<I", 0) + string(POLICY) + b"\xff" * 8 + bytes(40)))
    with c.tcp("opcua", dport=4841, src="2001:db8::2", dst="2001:db8:9::9") as t:  # only the server
        t.server(message(b"ACKF", HELLO))
    with c.tcp("opcua", dport=4840) as t:
        t.server(message(b"ERRF", struct.pack("<I", 0x80010000) + string(b"no")))
    with c.tcp("opcua", dport=4840, midstream=True) as t:
        t.client(message(b"MSGF", struct.pack("<IIII", 5, 1, 52, 2) + bytes(30)))
    with c.tcp("opcua", dport=4840, midstream=True) as t:
        t.client(message(b"OPNF", struct.pack("<I", 9) + string(POLICY) + b"\xff" * 8 + bytes(40)))
    with c.tcp("opcua", dport=4840) as t:  # the server calls
        t.client(message(b"RHEF", string(b"urn:server") + string(URL)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=4840) as t:  # a URL that is longer than the message
        t.client(message(b"HELF", HELLO + struct.pack("<I", 99) + URL))
    with n.tcp(None, dport=4840) as t:
        t.client(message(b"HELLO there, you", b""))
    with n.tcp(None, dport=4840) as t:
        t.server(message(b"ACKF", HELLO + b"\0"))
    with n.tcp(None, dport=4840, midstream=True) as t:
        t.client(message(b"MSGF", b"too short"))
    with n.tcp(None, dport=4840, midstream=True) as t:
        t.client(message(b"OPNF", struct.pack("<I", 9) + string(b"http://example.org/UA/Secu") + bytes(40)))
