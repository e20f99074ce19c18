# SPDX-License-Identifier: GPL-2.0-or-later
# SSDP: UPnP Device Architecture 2.0, 1.
from talk import Captures

GROUP = dict(dport=1900, dst="239.255.255.250")
FOUND = b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nDATE: x\r\nEXT:\r\nST: upnp:rootdevice\r\nUSN: uuid:1\r\n\r\n"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("ssdp", **GROUP) as t:
        t.client(b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n")
    with c.udp("ssdp", **GROUP) as t:
        t.client(b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\n\r\n")
    with c.udp("ssdp", dport=50000) as t:
        t.server(FOUND)
    with c.udp("ssdp", dport=1900) as t:
        t.server(b"HTTP/1.1 200 OK\r\nUSN: uuid:1\r\n\r\n")

    n = captures.file("not.pcap")
    with n.udp(None, dport=1900) as t:  # HTTP over UDP that answers no search
        t.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    with n.udp(None, **GROUP) as t:
        t.client(b"M-SEARCH / HTTP/1.1\r\n\r\n")
    with n.tcp("!ssdp", dport=1900) as t:
        t.client(b"NOTIFY * HTTP/1.1\r\nHost: example.org\r\n\r\n")
