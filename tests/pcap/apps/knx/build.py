# SPDX-License-Identifier: GPL-2.0-or-later
# KNX Standard 03/08/02 "Core" 2.3 (header), 03/08/04 "Tunnelling", 03/08/05 "Routing"; ISO 22510.
import struct
from talk import Captures

def message(service, body, head=b"\x06\x10", total=None):
    return head + struct.pack(">HH", service, 6 + len(body) if total is None else total) + body

HPAI = bytes([8, 1, 10, 0, 0, 2, 0x0E, 0x57])
TUNNEL = bytes([4, 9, 17, 0]) + bytes.fromhex("1100b4e000000000020000")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("knx", dport=3671) as t:
        t.client(message(0x0201, HPAI))
        t.server(message(0x0202, HPAI + b"\x36\1" + bytes(52) + b"\4\2\2\1"))
    with c.udp("knx", dport=3672, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(message(0x0420, TUNNEL))
        t.server(message(0x0421, TUNNEL[:4]))
    with c.udp("knx", dport=3671) as t:
        t.client(message(0x0530, bytes.fromhex("2900bce0110108010100 81".replace(" ", ""))))
    with c.udp("knx", dport=3671) as t:
        t.server(message(0x0206, b"\7\0" + HPAI + b"\4\4\x11\x0a"))
    with c.tcp("knx", dport=3671, midstream=True) as t:
        t.client(message(0x0420, TUNNEL) + message(0x0420, TUNNEL))
    n = captures.file("not.pcap")
    with n.udp(None, dport=3671) as t:
        t.client(message(0x0201, HPAI, total=13))
    with n.udp(None, dport=3671) as t:
        t.client(message(0x0299, HPAI))
    with n.udp(None, dport=3671) as t:
        t.client(message(0x0201, b"\7" + HPAI[1:]))
    with n.udp(None, dport=3671) as t:
        t.client(message(0x0201, HPAI, head=b"\x06\x20"))
