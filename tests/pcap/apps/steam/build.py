# SPDX-License-Identifier: GPL-2.0-or-later
# Valve's Steam client: LAN discovery, connections to its servers over UDP and TCP (SteamKit's
# UdpPacket.cs, TcpConnection.cs), pings of relays (see src/inspect/apps/valve.c).
import struct
from talk import Captures

LAN = b"\xff\xff\xff\xff\x21\x4c\x5f\xa0"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("steam", sport=27036, dport=27036, dst="10.0.0.255") as t:
        t.client(LAN + struct.pack("<I", 4) + b"\x08\1\x10\1" + struct.pack("<I", 2) + b"\x08\x08")
    with c.udp("steam", dport=27017) as t:
        t.client(b"VS01" + struct.pack("<HBBIIIIIII", 0, 1, 4, 512, 0, 1, 0, 0, 0, 0))
    with c.udp("steam", dport=27018) as t:
        t.client(b"\1\x81sdping" + bytes(range(92)))
    with c.tcp("steam", dport=27019) as t:
        t.server(struct.pack("<I", 28) + b"VT01" + struct.pack("<i", 1303) + bytes(range(24)))
    n = captures.file("not.pcap")
    with n.udp(None, sport=27036, dport=27036) as t:  # longer than the datagram
        t.client(LAN + struct.pack("<I", 400) + b"\x08\1\x10\1")
    with n.udp(None, dport=27017) as t:  # the length disagrees
        t.client(b"VS01" + struct.pack("<HBBIIIIIII", 5, 1, 4, 512, 0, 1, 0, 0, 0, 0))
    with n.udp(None, dport=27018) as t:
        t.client(b"\1\x81sdpong" + bytes(92))
    with n.tcp(None, dport=27019) as t:
        t.server(struct.pack("<I", 28) + b"VT02" + bytes(28))
