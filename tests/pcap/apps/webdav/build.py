# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 4918, 9: methods of WebDAV; RFC 3253, 3744, 4791 for its extensions.
from talk import Captures


def request(method, more=b""):
    return method + b" /dav/ HTTP/1.1\r\nHost: dav.example.org\r\n" + more + b"\r\n"


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("webdav", dport=80) as t:
        t.client(request(b"PROPFIND", b"Depth: 1\r\n"))
        t.server(b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 0\r\n\r\n")
    for method in (b"PROPPATCH", b"MKCOL", b"LOCK", b"REPORT", b"MKCALENDAR"):
        with c.tcp("webdav", dport=8080, src="2001:db8::2", dst="2001:db8:9::9") as t:
            t.client(request(method))
    n = captures.file("not.pcap")
    for method in (b"GET", b"PUT", b"OPTIONS", b"SEARCH"):
        with n.tcp("http", dport=80) as t:
            t.client(request(method, b"Depth: 1\r\n"))
    with n.tcp(None, dport=80) as t:
        t.client(b"PROPFIND /dav/ RTSP/1.0\r\n\r\n")
