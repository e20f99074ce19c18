# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1157 (v1), RFC 3416 (v2c's PDUs), RFC 3412 and 3414 (v3), RFC 3430 (TCP); BER: X.690.
from talk import Captures


def tlv(tag, *parts):
    data = b"".join(parts)
    if len(data) < 128:
        return bytes([tag, len(data)]) + data
    return bytes([tag, 0x82]) + len(data).to_bytes(2, "big") + data


def integer(n):
    return tlv(2, n.to_bytes((n.bit_length() + 8) // 8, "big"))


NAME = tlv(6, bytes.fromhex("2b06010201010100"))


def binding(value=b"\5\0"):
    return tlv(0x30, NAME, value)


def v12(version, tag, community=b"public", bindings=None):
    return tlv(0x30, integer(version), tlv(4, community),
               tlv(tag, integer(0x12345), integer(0), integer(0), tlv(0x30, bindings or binding())))


trap = tlv(0x30, integer(0), tlv(4, b"public"), tlv(0xA4, tlv(6, b"\x2b\6\1\4\1"), tlv(0x40, bytes([192, 0, 2, 1])),
           integer(6), integer(1), tlv(0x43, b"\1\2"), tlv(0x30, binding())))
v3 = tlv(0x30, integer(3), tlv(0x30, integer(77), integer(65507), tlv(4, b"\4"), integer(3)),
         tlv(4, tlv(0x30, tlv(4), integer(0), integer(0), tlv(4), tlv(4), tlv(4))),
         tlv(0x30, tlv(4), tlv(4), tlv(0xA0, integer(5), integer(0), integer(0), tlv(0x30))))
secret = tlv(0x30, integer(3), tlv(0x30, integer(77), integer(65507), tlv(4, b"\7"), integer(3)),
             tlv(4, tlv(0x30, tlv(4, b"engine"))), tlv(4, bytes(range(64))))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("snmp", dport=161) as t:
        t.client(v12(0, 0xA1))
        t.server(v12(0, 0xA2, bindings=binding(tlv(4, b"Linux"))))
    with c.udp("snmp", dport=1161) as t:
        t.client(v12(1, 0xA5, bindings=binding() * 20))
    with c.udp("snmp", dport=162) as t:
        t.client(trap)
    with c.udp("snmp", sport=161, dport=40000, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(v12(1, 0xA2, b"x" * 30, binding(tlv(4, b"y" * 300))))  # an answer alone
    with c.udp("snmp", dport=161) as t:
        t.client(v3)
    with c.udp("snmp", dport=161) as t:
        t.client(secret)
    with c.udp("snmp", dport=161) as t:
        t.client(v12(1, 0xA2, bindings=binding(tlv(4, b"y" * 300)))[:60], wire_length=len(v12(1, 0xA2, bindings=binding(tlv(4, b"y" * 300)))))
    with c.tcp("snmp", dport=161) as t:
        t.client(v12(1, 0xA0) * 2)
    n = captures.file("not.pcap")
    with n.udp(None, dport=161) as t:
        t.client(v12(0, 0xA1) + b"\0")                      # a byte behind the end
    with n.udp(None, dport=161) as t:
        t.client(v12(0, 0xA1)[:-1])
    with n.udp("!snmp", dport=161) as t:                    # version 5
        t.client(v12(5, 0xA1))
    with n.udp("!snmp", dport=161) as t:                    # a PDU that there is not
        t.client(v12(0, 0xAB))
    with n.tcp("!snmp", dport=389) as t:                    # LDAP's bind request
        t.client(tlv(0x30, integer(1), tlv(0x60, integer(3), tlv(4), tlv(0x80))))
    with n.udp(None, dport=161) as t:                       # a binding that leaves its list
        t.client(tlv(0x30, integer(0), tlv(4, b"public"), tlv(0xA0, integer(1), integer(0), integer(0), b"\x30\5\x30\x09\6\1\1")))
    with n.udp(None, dport=161) as t:
        t.client(b"\x30\x20" + bytes((i * 29 + 3) & 255 for i in range(32)))
