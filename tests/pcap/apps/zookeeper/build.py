# SPDX-License-Identifier: GPL-2.0-or-later
# ZooKeeper zookeeper.jute: ConnectRequest, ConnectResponse.
import struct
from talk import Captures

framed = lambda body: struct.pack(">I", len(body)) + body
request = lambda timeout=30000, password=16, version=0: framed(
    struct.pack(">IQIQI", version, 0, timeout, 0, password) + bytes(16) + b"\0")
with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("zookeeper", dport=2181) as t:
        t.client(request())
        t.server(framed(struct.pack(">IIQI", 0, 30000, 0x100000000000001, 16) + bytes(range(16)) + b"\0"))
    with c.tcp("zookeeper", dport=2182, src="2001:db8::2", dst="2001:db8:9::9") as t:  # 3.3: no flag at the end
        t.server(framed(struct.pack(">IIQI", 0, 30000, 0x100000000000001, 16) + bytes(range(16))))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=2181) as t:
        t.client(request(password=15))
    with n.tcp(None, dport=2181) as t:
        t.client(request(version=1))
    with n.tcp(None, dport=2181) as t:
        t.client(request(timeout=0xFFFFFFFF))
