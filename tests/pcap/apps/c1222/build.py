# SPDX-License-Identifier: GPL-2.0-or-later
# ANSI C12.22 / RFC 6142 4: ACSE (application 0) with called and calling titles, invocation, and EPSEM in an external.
from talk import Captures

tlv = lambda tag, body: bytes([tag, len(body)]) + body if len(body) < 128 else bytes([tag, 0x81, len(body)]) + body
def unit(epsem, single=0x81, last=b""):
    return tlv(0x60, tlv(0xA2, tlv(0x06, bytes.fromhex("2b060104018285638e7f"))) + tlv(0xA6, tlv(0x06, bytes.fromhex("2b06010401828563"))) +
               tlv(0xA8, tlv(0x02, b"\1")) + tlv(0xBE, tlv(0x28, tlv(single, epsem))) + last)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("c1222", dport=1153, sport=1153) as t:  # identification
        t.client(unit(bytes.fromhex("800120")))
        t.server(unit(b"\x80" + bytes(180)))
    with c.tcp("c1222", dport=1153, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(unit(bytes.fromhex("900520") + bytes(20)))
    n = captures.file("not.pcap")
    with n.udp(None, dport=1153) as t:  # DLMS has an octet string there
        t.client(unit(bytes.fromhex("800120"), single=0x04))
    with n.udp(None, dport=1153) as t:  # something behind it
        t.client(unit(bytes.fromhex("800120")) + b"\0")
    with n.udp(None, dport=1153) as t:
        t.client(unit(bytes.fromhex("800120"), last=tlv(0xA1, b"\6\1\0")))
    with n.tcp(None, dport=1153) as t:
        t.client(tlv(0x61, unit(b"\x80")[2:]))
