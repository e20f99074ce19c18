# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 6347, 4.1 (records) and 4.2.2 (handshake); RFC 6066, 3 (server_name). A recorded one: ../../dtls.
import struct

from talk import Captures


def hello(name, version=b"\xfe\xfd"):
    entry = b"\0" + struct.pack("!H", len(name)) + name
    sni = struct.pack("!HHH", 0, len(entry) + 2, len(entry)) + entry
    body = version + bytes(range(32)) + b"\0\0" + b"\0\2\xc0\x2b" + b"\1\0" + struct.pack("!H", len(sni)) + sni
    size = struct.pack("!I", len(body))[1:]
    return b"\1" + size + b"\0\0" + b"\0\0\0" + size + body


def record(content, kind=22, version=b"\xfe\xff"):
    return bytes([kind]) + version + bytes(8) + struct.pack("!H", len(content)) + content


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("dtls", dport=443) as t:
        t.client(record(hello(b"www.example.org")))
    with c.udp("dtls", dport=5684, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(record(hello(b"www.example.org")))
    n = captures.file("not.pcap")
    with n.udp(None, dport=443) as t:  # no such version
        t.client(record(hello(b"www.example.org"), version=b"\xfe\x00"))
    with n.udp(None, dport=443) as t:  # a hello that is shorter than it says
        t.client(record(hello(b"www.example.org")[:30]))
    with n.udp(None, dport=443) as t:  # no such kind of record
        t.client(record(hello(b"www.example.org"), kind=30))
