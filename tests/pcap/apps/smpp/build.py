# SPDX-License-Identifier: GPL-2.0-or-later
# SMPP 3.4 (issue 1.2), 3.2 (PDU header), 4.1 (bind), 4.4 (submit_sm), 4.11 (enquire_link), 5.1.2.1 (commands).
import struct
from talk import Captures


def pdu(command, number, body=b"", status=0):
    return struct.pack("!IIII", 16 + len(body), command, status, number) + body


bind = pdu(9, 1, b"system\0secret\0vma\0" + bytes([0x34, 1, 1]) + b"\0")
submit = pdu(4, 7, b"\0\1\1441000\0\1\x01447000\0" + bytes(9) + b"\x05hello")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("smpp", dport=2775) as t:
        t.client(bind)
        t.server(pdu(0x80000009, 1, b"centre\0" + bytes.fromhex("0210000134")))
    with c.tcp("smpp", dport=5016, midstream=True) as t:  # only the centre is seen
        t.server(pdu(0x80000002, 1, b"centre\0"))
    with c.tcp("smpp", dport=2775, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:
        t.client(submit)
        t.server(pdu(0x80000004, 7, b"id7\0"))
    with c.tcp("smpp", dport=2775, midstream=True) as t:  # two in a row
        t.client(pdu(0x15, 8) + pdu(0x15, 9))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=2775) as t:  # the strings do not fill the length
        t.client(bind[:3] + bytes([bind[3] + 2]) + bind[4:] + b"\0\0")
    with n.tcp(None, dport=2775) as t:  # an answer to another number
        t.client(submit)
        t.server(pdu(0x80000004, 8, b"id7\0"))
    with n.tcp(None, dport=2775) as t:  # a request with a status
        t.client(pdu(4, 7, bytes(20), 3))
        t.server(pdu(0x80000004, 7))
    with n.tcp(None, dport=2775) as t:  # one alone
        t.client(pdu(0x15, 8))
