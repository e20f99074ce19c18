# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 5905, 7.3 (time), RFC 1305, appendix B and RFC 9327 (control), ntpd's ntp_request.h (private).
import struct
from talk import Captures

T = 0xE9F3C580 << 32


def packet(first, stratum=0, poll=0, precision=0, delay=0, dispersion=0, ref=b"\0" * 4, times=(0, 0, 0, 0)):
    return bytes([first, stratum, poll, precision]) + struct.pack("!II4s4Q", delay, dispersion, ref, *times)


asked = packet(0x23, times=(0, 0, 0, 0x1122334455667788))
answer = packet(0x24, 2, 3, 0xE9, 0x123, 0x456, b"\xc0\0\2\1", (T - (64 << 32), 0x1122334455667788, T + 5, T + 9))
peer = packet(0x21, 3, 10, 0xEC, 0x123, 0x456, b"\xc0\0\2\1", (T, T - (1024 << 32), T - (1023 << 32), T + 7))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("ntp", dport=123) as t:
        t.client(asked)
        t.server(answer)
    with c.udp("ntp", dport=4123, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(packet(0x0B, times=(0, 0, 0, T)))          # version 1
    with c.udp("ntp", sport=123, dport=123) as t:
        t.client(peer + bytes(4) + b"m" * 16)               # symmetric, with MD5
    with c.udp("ntp", sport=123, dport=40000) as t:         # the answer alone
        t.client(answer)
    with c.udp("ntp", sport=123, dport=123, dst="192.0.2.255") as t:
        t.client(packet(0x25, 1, 6, 0xEC, 0, 0x10, b"GPS\0", (T - 9, 0, 0, T)))
    with c.udp("ntp", dport=123) as t:                      # refused, without times: it returns the client's
        t.client(packet(0x23, 0, 6, 0x20, times=(0, T - 99, T - 98, 0x99AABBCCDDEEFF11)))
        t.server(packet(0xE4, 0, 6, 0, 0, 0, b"RATE", (0, 0x99AABBCCDDEEFF11, 0, 0)))
    with c.udp("ntp", dport=123) as t:                      # ntpq: read variables
        t.client(bytes.fromhex("160200010000000000000000"))
        t.server(bytes.fromhex("168200010618000000000019") + b'version="ntpd 4", stratum=' [:25] + bytes(3))
    with c.udp("ntp", sport=123, dport=80) as t:            # monlist: five items of 72 bytes
        t.client(bytes.fromhex("970e032a00050048") + bytes(range(72)) * 5)
    with c.udp("ntp", dport=123) as t:
        t.client(bytes.fromhex("1700032a00000000"))

    n = captures.file("not.pcap")
    with n.udp(None, dport=123) as t:
        t.client(asked[:40])                                # too short
    with n.udp(None, dport=123) as t:
        t.client(b"\x23" + bytes((i * 37 + 11) & 255 for i in range(47)))
    with n.udp(None, dport=123) as t:                       # a header that fits, times that do not
        t.client(packet(0x24, 2, 3, 0xE9, 0x123, 0x456, b"\xc0\0\2\1", (T, 77, 0x1234567812345678, T)))
        t.client(packet(0x24, 2, 3, 0xE9, 0x123, 0x456, b"\xc0\0\2\1", (T, 78, 0x9234567812345678, T)))
    with n.udp(None, dport=123) as t:
        t.client(bytes(48))
    with n.udp(None, dport=123) as t:                       # an item too many
        t.client(bytes.fromhex("970e032a00060048") + bytes(range(72)) * 5)
    with n.udp(None, dport=123) as t:
        t.client(bytes.fromhex("16020001000000000000000400"))
    with n.udp("!ntp", dport=123) as t:
        t.client(b"#" + b"x" * 47)
