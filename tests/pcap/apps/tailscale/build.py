# SPDX-License-Identifier: GPL-2.0-or-later
# Tailscale's discovery messages (package disco): "TS" and U+1F4AC, the sender's key (32), a nonce (24), a box.
from talk import Captures

MAGIC = "TS\U0001F4AC".encode()
noise = bytes((i * 167 + (i >> 3) * 13 + 7) & 255 for i in range(110))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("tailscale", dport=41641, sport=41641) as t:
        t.client(MAGIC + noise)
        t.server(MAGIC + noise[::-1])
    with c.udp("tailscale", dport=51000, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.server(MAGIC + noise)
    n = captures.file("not.pcap")
    with n.udp(None, dport=41641) as t:  # too short for a key, a nonce and a box
        t.client(MAGIC + noise[:40])
    with n.udp(None, dport=41641) as t:
        t.client(MAGIC[:5] + noise)
    with n.udp(None, dport=41641) as t:
        t.client(b"TS" + noise)
