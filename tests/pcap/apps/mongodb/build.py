# SPDX-License-Identifier: GPL-2.0-or-later
# MongoDB Wire Protocol: MsgHeader (length, request, answered request, opcode), then the body.
import struct
from talk import Captures

def message(number, answers, opcode, body, size=None):
    return struct.pack("<iiii", size or 16 + len(body), number, answers, opcode) + body

def document(name, value):  # BSON: an int32
    body = b"\x10" + name + b"\0" + struct.pack("<i", value)
    return struct.pack("<i", 4 + len(body) + 1) + body + b"\0"

HELLO = document(b"isMaster", 1)
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("mongodb", dport=27017) as t:  # OP_QUERY, OP_REPLY
        t.client(message(1, 0, 2004, struct.pack("<I", 4) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + HELLO))
        t.server(message(7, 1, 1, struct.pack("<IQII", 8, 0, 0, 1) + document(b"ok", 1)))
    with c.tcp("mongodb", dport=27018, src="2001:db8::2", dst="2001:db8:9::9") as t:  # OP_MSG with a checksum
        t.client(message(2, 0, 2013, struct.pack("<I", 1) + b"\0" + HELLO + b"abcd"))
    with c.tcp("mongodb", dport=27017, midstream=True) as t:  # OP_COMPRESSED from the server
        t.server(message(9, 8, 2012, struct.pack("<IIB", 2013, 400, 2) + bytes(range(100))))
    with c.tcp("mongodb", dport=27017) as t:  # OP_INSERT, OP_GET_MORE, OP_KILL_CURSORS
        t.client(message(3, 0, 2002, struct.pack("<I", 0) + b"test.c\0" + document(b"a", 5)))
    with c.tcp("mongodb", dport=27017) as t:
        t.client(message(4, 0, 2005, struct.pack("<I", 0) + b"test.c\0" + struct.pack("<iQ", 10, 99)))
    with c.tcp("mongodb", dport=27017) as t:
        t.client(message(5, 0, 2007, struct.pack("<IIQ", 0, 1, 99)))
    with c.tcp("mongodb", dport=27017) as t:  # OP_DELETE and OP_UPDATE
        t.client(message(6, 0, 2006, struct.pack("<I", 0) + b"test.c\0" + struct.pack("<I", 1) + document(b"a", 5)))
    n = captures.file("not.pcap")
    body = struct.pack("<I", 4) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + HELLO
    with n.tcp(None, dport=27017) as t:  # no such opcode
        t.client(message(1, 0, 2003, body))
    with n.tcp(None, dport=27017) as t:  # a document that does not end with the message
        t.client(message(1, 0, 2013, bytes(4) + b"\0" + struct.pack("<i", 400) + HELLO[4:]))
    with n.tcp(None, dport=27017) as t:  # flags that there are not
        t.client(message(1, 0, 2013, b"\xff" * 4 + b"\0" + HELLO))
    with n.tcp(None, dport=27017) as t:  # no dot in the name
        t.client(message(1, 0, 2004, struct.pack("<I", 4) + b"admin\0" + struct.pack("<ii", 0, -1) + HELLO))
    with n.tcp(None, dport=27017) as t:
        t.client(bytes(range(64)))
