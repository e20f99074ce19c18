# SPDX-License-Identifier: GPL-2.0-or-later
# draft-denis-dprive-dnscrypt, 5.1 (queries), 5.2 (responses), 9 (TCP).
import random
import struct
from talk import Captures

rng = random.Random(6)
QUERY = rng.randbytes(8 + 32 + 12 + 16 + 256)
ANSWER = b"r6fnvWj8" + QUERY[40:52] + rng.randbytes(12 + 16 + 128)
CERTIFICATE = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\x012\x0ddnscrypt-cert\7example\0\0\x10\0\1"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("dnscrypt", dport=443) as t:
        t.client(QUERY)
        t.server(ANSWER)
    with c.udp("dnscrypt", dport=443) as t:                 # padded as a whole
        t.client(QUERY[:256])
        t.server(ANSWER)
    with c.udp("dnscrypt", sport=443, dport=40000, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(ANSWER)
    with c.udp("dnscrypt", dport=5353) as t:                # version 1 asks with a magic of its own
        t.client(b"q6fnvWj8" + QUERY[8:])
    with c.tcp("dnscrypt", dport=443) as t:
        t.client(struct.pack("!H", len(QUERY)) + QUERY)
        t.server(struct.pack("!H", len(ANSWER)) + ANSWER)
    with c.udp("dnscrypt", dport=443) as t:                 # the certificate
        t.client(CERTIFICATE)
    n = captures.file("not.pcap")
    with n.udp(None, dport=443) as t:                       # a query alone is random
        t.client(QUERY)
    with n.udp(None, dport=443) as t:
        t.client(QUERY)
        t.server(b"r6fnvWj9" + ANSWER[8:])
    with n.udp(None, dport=443) as t:
        t.server(ANSWER[:40])
    with n.tcp(None, dport=443) as t:
        t.client(struct.pack("!H", len(QUERY)) + QUERY)
        t.server(QUERY)
    with n.udp("dns", dport=53) as t:                       # what is asked of a DNS server is DNS
        t.client(CERTIFICATE)
    with n.udp("dns", dport=443) as t:
        t.client(CERTIFICATE.replace(b"dnscrypt-cert", b"dnscrypt-carp"))
