# SPDX-License-Identifier: GPL-2.0-or-later
# LAN sync's announcements, of several years (no public specification; see src/inspect/apps/dropbox.c).
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("dropbox", sport=17500, dport=17500, dst="255.255.255.255") as t:
        t.client(b'{"host_int": 12345678901234567890, "version": [1, 8], "displayname": "box", "port": 17500, "namespaces": [1, 2]}')
    with c.udp("dropbox", sport=17500, dport=17500, dst="10.0.0.255") as t:
        t.client(b'{"version": [2, 0], "port": 17500, "host_int": 55, "displayname": "", "namespaces": [3]}')
    with c.udp("dropbox", dport=1050) as t:  # cut within the list
        text = b'{"version": [2, 0], "port": 17500, "host_int": 55, "displayname": "", "namespaces": [3, 4'
        t.client(text, wire_length=300)
    n = captures.file("not.pcap")
    with n.udp(None, sport=17500, dport=17500) as t:
        t.client(b'{"version": [2, 0], "port": 17500, "displayname": "", "namespaces": [3]}')
    with n.udp(None, sport=17500, dport=17500, dst="192.0.2.10") as t:
        t.client(b'{"host_int": 55, "name": "other"}')
    with n.udp(None, sport=17500, dport=17500, dst="192.0.2.11") as t:
        t.client(b'["version", "host_int", "displayname", "namespaces"]')
