# SPDX-License-Identifier: GPL-2.0-or-later
# ONF TS-025 (OpenFlow 1.5.1), 7.1 (header), 7.5.1 (HELLO).
import struct
from talk import Captures


def message(version, kind, data=b"", extra=0, transaction=7):
    return struct.pack("!BBHI", version, kind, 8 + len(data) + extra, transaction) + data


VERSIONS = b"\0\1\0\x08\0\0\0\x12"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("openflow", dport=6653) as t:
        t.client(message(4, 0, VERSIONS))
        t.server(message(4, 0, VERSIONS, transaction=9))
    with c.tcp("openflow", dport=6633) as t:                # one side only
        t.client(message(1, 0))
        t.client(message(1, 6, bytes(24)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=6653) as t:                      # sent back
        t.client(message(4, 0, VERSIONS))
        t.server(message(4, 0, VERSIONS))
    with n.tcp(None, dport=6653) as t:
        t.client(message(4, 0, VERSIONS))
    with n.tcp(None, dport=6653) as t:
        t.client(message(7, 0))
        t.server(message(7, 0))
    with n.tcp(None, dport=6653) as t:
        t.client(message(1, 0))
        t.client(message(1, 99, bytes(24)))
    with n.tcp(None, dport=6653) as t:
        t.client(message(4, 0, b"\0\2\0\x08\0\0\0\x12"))
        t.server(message(4, 0, VERSIONS))
