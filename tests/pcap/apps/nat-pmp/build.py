# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 6886, 3.2 (public address), 3.3 (mappings), 3.5 (results).
from talk import Captures


def h(text):
    return bytes.fromhex(text)


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("nat-pmp", dport=5351) as t:
        t.client(h("0000"))
        t.server(h("0080 0000 0012d687 c0000201"))
    with c.udp("nat-pmp", dport=5351) as t:
        t.client(h("0001 0000 1f90 1f90 00001c20"))
        t.server(h("0081 0000 0012d687 1f90 1f90 00001c20"))
    with c.udp("nat-pmp", dport=15351) as t:                # taken back
        t.client(h("0002 0000 1f90 0000 00000000"))
    with c.udp("nat-pmp", sport=5351, dport=40000, src="192.0.2.9", dst="10.0.0.2") as t:
        t.client(h("0082 0002 0012d687 1f90 0000 00000000"))
    with c.udp("nat-pmp", sport=5351, dport=5350, src="192.0.2.9", dst="224.0.0.1") as t:
        t.client(h("0080 0000 00000001 c0000201"))
    n = captures.file("not.pcap")
    with n.udp(None, dport=5351) as t:                      # two zeros prove nothing
        t.client(h("0000"))
        t.server(h("0000"))
    with n.udp(None, dport=5351) as t:
        t.client(h("0001 0001 1f90 1f90 00001c20"))
    with n.udp(None, dport=5351) as t:
        t.client(h("0001 0000 1f90 1f90 99999999"))
    with n.udp(None, dport=5351) as t:
        t.client(h("0001 0000 1f90 1f90 00001c20 00"))
    with n.udp(None, dport=5351) as t:
        t.client(h("0080 0009 0012d687 c0000201"))
    with n.udp(None, dport=5351) as t:
        t.client(h("0080 0000 0012d687 c00002"))
    with n.udp(None, sport=5351, dport=40000) as t:         # no such operation
        t.client(h("0005 0000 0012d687 1f90 1f90 00001c20"))
