# SPDX-License-Identifier: GPL-2.0-or-later
# Zabbix manual, "Header" ("ZBXD", flags, data length, reserved) and "Passive and active agent checks".
import struct
from talk import Captures

def message(data, flags=1, reserved=0):
    return b"ZBXD" + struct.pack("<BII", flags, len(data), reserved) + data

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("zabbix", dport=10050) as t:  # passive, before 7.0
        t.client(b"agent.ping\n")
        t.server(message(b"1"))
    with c.tcp("zabbix", dport=10050) as t:
        t.client(b"vfs.fs.size[/,free]")
        t.server(message(b"12345"))
    with c.tcp("zabbix", dport=10051, src="2001:db8::2", dst="2001:db8:9::9") as t:  # compressed
        t.client(message(bytes(range(40)), flags=3, reserved=60))
    with c.tcp("zabbix", dport=10051) as t:  # without the header, before 4.0
        t.client(b'{"request":"active checks","host":"a"}')
    with c.tcp("zabbix", dport=10051) as t:
        t.client(b'{\n\t"request":"sender data",\n\t"data":[]}\n')
    with c.tcp("zabbix", dport=10050) as t:  # only the server is seen
        t.server(message(b"ZBX_NOTSUPPORTED"))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=10050) as t:
        t.client(b"agent.ping\n")
        t.server(b"ZBXX\x01")
    with n.tcp(None, dport=10050) as t:  # a flag that must be there
        t.server(message(b"1", flags=2))
    with n.tcp(None, dport=10051) as t:
        t.client(b'{"request":"something else"}')
    with n.tcp(None, dport=10051) as t:
        t.client(b"ZBX")
