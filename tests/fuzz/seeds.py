#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the fuzz targets' first seeds: tests/fuzz/seeds.py [TARGET...]

Every seed is a message built here, named for what it shows; tests/fuzz/corpus/NAME also holds what
`make fuzz-merge` added (names of 40 hexadecimal digits), which this leaves alone.
"""

import os
import struct
import sys

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def vec8(data):
    return bytes([len(data)]) + data


def vec16(data):
    return struct.pack(">H", len(data)) + data


# ---- streams: flags, where to cut, the client's bytes, the server's bytes ----

MIDSTREAM, PORT_53, BY_ONE = 1, 2, 4


def stream(client=b"", server=b"", flags=BY_ONE):
    """The cut is in 255ths of the whole: the server's side is filled up until it falls where it must."""
    for fill in range(600):
        size = len(client) + len(server) + fill
        for cut in range(256):
            if cut * size // 255 == len(client) and (server or not fill):
                return bytes([flags, cut]) + client + server + bytes(fill)
    raise ValueError("no such cut")


# ---- TLS ----


def extension(number, body):
    return struct.pack(">H", number) + vec16(body)


def sni(name, kind=0):
    return extension(0, vec16(bytes([kind]) + vec16(name)))


def alpn(*names):
    return extension(16, vec16(b"".join(vec8(name) for name in names)))


def ech(kind=0, payload=40):
    return extension(0xFE0D, bytes([kind]) + b"\0\1\0\1\7" + vec16(bytes(32)) + vec16(bytes(payload)))


def hello_body(extensions, version=b"\3\3", session=32, ciphers=b"\x13\1\x13\2", compression=b"\0"):
    body = version + bytes(range(32)) + vec8(bytes(session)) + vec16(ciphers) + vec8(compression)
    return body + (vec16(extensions) if extensions is not None else b"")


def message(body, kind=1):
    return bytes([kind]) + struct.pack(">I", len(body))[1:] + body


def record(data, kind=22, version=b"\3\1"):
    return bytes([kind]) + version + vec16(data)


def records(data, size):
    return b"".join(record(data[at : at + size]) for at in range(0, len(data), size))


SERVER_HELLO = message(b"\3\3" + bytes(32) + vec8(bytes(32)) + b"\x13\1\0", 2)


def tls():
    common = sni(b"www.example.org") + alpn(b"h2", b"http/1.1")
    full = message(hello_body(common))
    sslv2 = b"\1\3\1" + struct.pack(">HHH", 6, 0, 16) + bytes(6) + bytes(16)
    cipher = record(bytes(32), 23, b"\3\3")
    return {
        "hello": stream(record(full)),
        "hello-and-answer": stream(record(full), record(SERVER_HELLO)),
        "hello-in-records": stream(records(full, 40)),
        "hello-in-records-broken": stream(record(full[:80]) + record(b"\1\0", 21)),
        "hello-in-records-cut-short": stream(record(full[:2]) + record(b"\1\0", 21)),
        "hello-cut": stream(record(full)[:150]),
        "no-extensions": stream(record(message(hello_body(None, b"\3\1")))),
        "post-quantum": stream(record(message(hello_body(
            extension(51, vec16(b"\x11\xec" + vec16(bytes(1216)))) + common))), flags=0),
        "ech": stream(record(message(hello_body(ech() + common)))),
        "ech-inner": stream(record(message(hello_body(ech(kind=1) + common)))),
        "ech-short": stream(record(message(hello_body(extension(0xFE0D, b"\0\0\1") + common)))),
        "ech-too-long": stream(record(message(hello_body(
            extension(0xFE0D, b"\0\0\1\0\1\7" + b"\1\0" + bytes(8)) + common)))),
        "grease": stream(record(message(hello_body(
            extension(0x0A0A, b"") + sni(b"WWW.Example.ORG.") + alpn(b"\x0a\x0a", b"\x8a\x8a", b"h2"))))),
        "name-of-other-kind": stream(record(message(hello_body(
            extension(0, vec16(b"\7" + vec16(b"other") + b"\0" + vec16(b"a.example"))))))),
        "name-too-long": stream(record(message(hello_body(extension(0, b"\0\5\0\0\xff" + b"abc"))))),
        "name-too-short": stream(record(message(hello_body(extension(0, b"\0") + common)))),
        "name-odd": stream(record(message(hello_body(sni(b"a..b") + alpn(b""))))),
        "name-address": stream(record(message(hello_body(sni(b"2001:db8::1"))))),
        "alpn-too-long": stream(record(message(hello_body(extension(16, b"\0\3\2h2\x09h"))))),
        "extension-too-long": stream(record(message(hello_body(common + b"\0\5\x7f\xff")))),
        "odd-ciphers": stream(record(message(hello_body(common, ciphers=b"\1\2\3")))),
        "odd-ciphers-no-frame": stream(record(message(hello_body(common, ciphers=b"\1\2\3")) + b"x")),
        "no-compression": stream(record(message(hello_body(common, compression=b"")))),
        "session-too-long": stream(record(message(hello_body(common, session=33)))),
        "version-odd": stream(record(message(hello_body(common, b"\4\4")))),
        "body-too-short": stream(record(message(bytes(20)))),
        "fixed-part-broken": stream(record(message(b"\3\3" + bytes(32) + vec8(bytes(32)) + b"\xff\xfe"))),
        "length-huge": stream(record(b"\1\xff\0\0" + bytes(40))),
        "sslv2": stream(b"\x80" + vec8(sslv2)),
        "sslv2-broken": stream(b"\x80" + vec8(sslv2[:-1])),
        "sslv2-other": stream(b"\x80\x20\2abc"),
        "sslv2-version": stream(b"\x80\x20\1\3\7bc"),
        "answer-only": stream(b"", record(SERVER_HELLO)),
        "answer-and-noise": stream(b"\0\1", record(SERVER_HELLO)),
        "answer-cut": stream(b"", record(SERVER_HELLO)[:20]),
        "answer-version": stream(b"", record(message(b"\7\7" + bytes(60), 2))),
        "answer-session": stream(b"", record(message(b"\3\3" + bytes(32) + b"\x40" + bytes(80), 2))),
        "alert": stream(record(full)[:100], record(b"\2\x28", 21)),
        "alert-cut": stream(b"", record(b"\2\x28", 21)[:6]),
        "alert-odd": stream(b"", record(b"\7\x28", 21)),
        "middle": stream(cipher + cipher, b"", BY_ONE | MIDSTREAM),
        "middle-both": stream(cipher, cipher, BY_ONE | MIDSTREAM),
        "middle-answer": stream(b"", cipher + cipher, BY_ONE | MIDSTREAM),
        "middle-alert": stream(record(bytes(26), 21, b"\3\3"), b"", BY_ONE | MIDSTREAM),
        "middle-alert-odd": stream(record(bytes(27), 21, b"\3\3"), b"", BY_ONE | MIDSTREAM),
        "middle-handshake": stream(record(bytes(40), 22, b"\3\3") + cipher, b"", BY_ONE | MIDSTREAM),
        "middle-version": stream(record(bytes(40), 23, b"\3\4") + cipher, b"", BY_ONE | MIDSTREAM),
        "middle-noise": stream(cipher + b"noise", b"", BY_ONE | MIDSTREAM),
        "record-too-long": stream(b"\x16\3\1\x44\0\1" + bytes(20)),
        "record-empty": stream(b"\x16\3\1\0\0"),
        "data-first": stream(cipher),
        "not-tls": stream(b"\x16\2hello"),
        "text": stream(b"hello", b"220 mail.example.org ESMTP\r\n"),
    }


# ---- HTTP ----


def http():
    def request(line, *fields):
        return "\r\n".join((line,) + fields + ("", "")).encode()

    get = "GET / HTTP/1.1"
    late = tuple(f"X-Field-{n}: {n * 7}" for n in range(12))
    return {
        "host": stream(request(get, "Host: www.example.org", "Accept: */*")),
        "host-late": stream(request(get, *late, "HOST:www.example.org:8080")),
        "host-folded": stream(request(get, "Host:", "  www.example.org")),
        "host-folded-empty": stream(request(get, "Host:", "   ", "Accept: a")),
        "host-empty": stream(request(get, "Host:", "Accept: a")),
        "host-none": stream(request(get, "Accept: a", "no colon", " folded")),
        "host-v6": stream(request(get, "Host: [2001:db8::1]:80")),
        "host-v6-bare": stream(request(get, "Host: 2001:db8::1")),
        "host-v6-open": stream(request(get, "Host: [2001:db8::1")),
        "host-v6-odd": stream(request(get, "Host: [2001:db8::1]x")),
        "host-v6-not": stream(request(get, "Host: [example]")),
        "host-port-odd": stream(request(get, "Host: a.example:http")),
        "host-odd": stream(request(get, "Host: a b/c")),
        "absolute": stream(request("GET http://user:word@proxy.example:8080/x?y HTTP/1.1", "Host: other.example")),
        "absolute-query": stream(request("GET http://a.example?x HTTP/1.0")),
        "absolute-odd": stream(request("GET ht2+tp://a.example#x HTTP/1.0", "Host: b.example")),
        "connect": stream(request("CONNECT www.example.org:443 HTTP/1.1", "Host: other.example")),
        "connect-odd": stream(request("CONNECT /x HTTP/1.1", "Host: other.example")),
        "connect-v6": stream(request("CONNECT [2001:db8::1]:443 HTTP/1.1")),
        "webdav": stream(request("PROPFIND /dav/ HTTP/1.1", "Depth: 1", "Host: dav.example.org")),
        "options": stream(request("OPTIONS * HTTP/1.1", "Host: a.example")),
        "spaces": stream(request("GET /a b c HTTP/1.1", "Host: a.example")),
        "lines-before": stream(b"\r\n\r\n" + request(get, "Host: a.example")),
        "lines-before-odd": stream(b"\rGET"),
        "line-feeds": stream(b"GET / HTTP/1.0\nHost: a.example\n\n"),
        "answer": stream(b"", b"HTTP/1.1 200 OK\r\n\r\n"),
        "request-and-answer": stream(b"GET / HTTP/1.1\r\nAcc", b"HTTP/1.1 200 OK\r\n\r\n"),
        "noise-and-answer": stream(b"\1\2", b"HTTP/1.1 200 OK\r\n\r\n"),
        "answer-cut": stream(b"", b"HTTP/1.1 2"),
        "answer-odd": stream(b"", b"HTTP/1.1x200"),
        "method-cut": stream(b"VERSION-CON"),
        "method-only": stream(b"GET "),
        "method-unknown": stream(b"FETCH / HTTP/1.1\r\n"),
        "version-other": stream(b"GET / HTTP/2.0\r\n\r\n"),
        "rtsp": stream(b"OPTIONS rtsp://a.example/x RTSP/1.0\r\n\r\n"),
        "target-odd": stream(b"GET \x01 HTTP/1.1\r\n"),
        "control-byte": stream(b"GET /a\x02 HTTP/1.1\r\n"),
        "upgrade": stream(request(get, "Host: a.example", "Connection: Upgrade", "Upgrade: websocket"),
                          b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
        "switched": stream(request(get, "Host: a.example", "Upgrade: x") + b"\x01inner",
                           b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n\x02inner"),
        "connected": stream(request("CONNECT a.example:443 HTTP/1.1") + b"\x16\3\1",
                            b"HTTP/1.1 200 Connection established\r\n\r\n"),
        "connect-refused": stream(request("CONNECT a.example:443 HTTP/1.1"), b"HTTP/1.1 403 Forbidden\r\n\r\n"),
        "connect-again": stream(request("CONNECT a.example:443 HTTP/1.1") * 2,
                                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nbody"
                                b"HTTP/1.1 200 OK\r\n\r\n"),
        "connect-again-cut": stream(request("CONNECT a.example:443 HTTP/1.1") * 2,
                                    b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 40\r\n\r\nbody"),
        "connect-then-other": stream(request("CONNECT a.example:443 HTTP/1.1") + b"\0\1",
                                     b"HTTP/1.1 407 Proxy\r\nContent-Length: 0\r\n\r\n"),
        "length-odd": stream(request("CONNECT a.example:443 HTTP/1.1"),
                             b"HTTP/1.1 407 Proxy\r\nContent-Length: x4\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "preface": stream(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        "middle": stream(b"some body", b"HTTP/1.1 304 Not Modified\r\n", MIDSTREAM),
        "middle-body": stream(b"some body", b"", MIDSTREAM),
    }


# ---- DNS ----


def name(text):
    return b"".join(vec8(label.encode("latin-1")) for label in text.split(".") if label) + b"\0"


def question(text, kind=1, group=1):
    return name(text) + struct.pack(">HH", kind, group)


def header(flags, *counts):
    return struct.pack(">HHHHHH", 0x1234, flags, *counts)


def resource(owner, kind, data, ttl=300):
    return owner + struct.pack(">HHI", kind, 1, ttl) + vec16(data)


def dns_messages():
    pointer, www = b"\xc0\x0c", question("www.Example.org")
    return {
        "query": header(0x0100, 1, 0, 0, 0) + www,
        "query-edns": header(0x0100, 1, 0, 0, 1) + www + resource(b"\0", 41, b"", 0),
        "query-cut": (header(0x0100, 1, 0, 0, 0) + www)[:20],
        "query-two": header(0x0100, 2, 0, 0, 0) + www + www,
        "query-class": header(0x0100, 1, 0, 0, 0) + question("a.example", group=77),
        "query-type": header(0x0100, 1, 0, 0, 0) + question("a.example", 30000),
        "query-odd-name": header(0x0100, 1, 0, 0, 0) + question("a b.\xe4.example"),
        "query-pointer": header(0x0100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",
        "query-label-kind": header(0x0100, 1, 0, 0, 0) + b"\x41abc\0\0\1\0\1",
        "query-long-name": header(0x0100, 1, 0, 0, 0) + question(".".join(["x" * 63] * 4)),
        "query-root": header(0x0100, 1, 0, 0, 0) + question("", 2),
        "query-answers": header(0x0100, 1, 1, 0, 0) + www,
        "query-many": header(0x0100, 1, 0, 0, 60000) + www,
        "query-rcode": header(0x0103, 1, 0, 0, 0) + www,
        "query-authoritative": header(0x0500, 1, 0, 0, 0) + www,
        "netbios": header(0x0110, 1, 0, 0, 0) + question("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 32),
        "netbios-like": header(0x0110, 1, 0, 0, 0) + question("ZKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 33),
        "service": header(0x0100, 1, 0, 0, 0) + question("_sip._udp.example.org", 33),
        "opcode": header(0x1800, 1, 0, 0, 0) + www,
        "inverse": header(0x0800, 0, 1, 0, 0) + resource(name("a.example"), 1, b"\1\2\3\4"),
        "inverse-cut": header(0x0800, 0, 2, 0, 0) + resource(name("a.example"), 1, b"\1\2\3\4"),
        "update": header(0x2800, 1, 0, 1, 0) + question("example.org", 6) + resource(name("a.example.org"), 1, b"\1\2\3\4"),
        "reserved": header(0x0140, 1, 0, 0, 0) + www,
        "available": header(0x0180, 1, 0, 0, 0) + www,
        "answer": header(0x8180, 1, 3, 0, 0) + www + resource(pointer, 5, name("edge.example.net")) +
        resource(b"\xc0\x2d", 1, b"\xc0\0\2\1") + resource(b"\xc0\x2d", 28, bytes(16)),
        "answer-https": header(0x8180, 1, 1, 0, 0) + www +
        resource(pointer, 65, b"\0\1\0\0\1\0\3\2h2\0\4\0\4\xc0\0\2\1\0\6\0\x10" + bytes(16)),
        "answer-loop": header(0x8180, 1, 1, 0, 0) + www + resource(b"\xc0\x21", 1, b"\1\2\3\4"),
        "answer-cut": header(0x8180, 1, 2, 0, 0) + www + resource(pointer, 1, b"\1\2\3\4"),
        "answer-data-cut": header(0x8180, 1, 1, 0, 0) + www + resource(pointer, 1, b"\1\2\3\4")[:-2],
        "answer-rest": header(0x8180, 1, 1, 0, 0) + www + resource(pointer, 1, b"\1\2\3\4") + b"rest",
        "answer-name-error": header(0x8183, 1, 0, 1, 0) + www +
        resource(pointer, 6, name("ns.example") + name("root.example") + bytes(20)),
        "short": header(0x0100, 1, 0, 0, 0)[:9],
        "header": header(0x0100, 1, 0, 0, 0),
    }


def service(owner, priority, target, params=b"", kind=65):
    return resource(owner, kind, struct.pack(">H", priority) + name(target) + params)


def dns_whole():
    """Whole messages, as the names cache reads them."""
    pointer, address, address6 = b"\xc0\x0c", b"\xc0\0\2\1", b"\x20\1\x0d\xb8" + bytes(11) + b"\1"
    www, https = question("www.example.org"), question("www.example.org", 65)
    hints = b"\0\1\0\3\2h2\0\4\0\4" + address + b"\0\6\0\x10" + address6
    runs = b"".join(struct.pack(">H", 0xC000 | at) for at in [12] + list(range(45, 125, 2)))
    many = [resource(pointer, 1, bytes((192, 0, 2, n)), ttl=n) for n in range(70)]
    ring = resource(pointer, 5, name("b.example")) + resource(name("b.example"), 5, name("www.example.org"))
    return dict(
        dns_messages(),
        **{
            "address": header(0x8180, 1, 2, 0, 1) + www + resource(pointer, 1, address) * 2 + resource(b"\0", 41, b"", 0),
            "address-6": header(0x8180, 1, 1, 0, 0) + question("www.example.org", 28) + resource(pointer, 28, address6),
            "address-any": header(0x8180, 1, 2, 0, 0) + question("www.example.org", 255)
            + resource(pointer, 28, address6) + resource(pointer, 1, address, 0x80000001),
            "address-shorter-ttl": header(0x8180, 1, 2, 0, 0) + www + resource(pointer, 1, address, 5) + resource(pointer, 1, address, 9),
            "address-odd-length": header(0x8180, 1, 2, 0, 0) + www + resource(pointer, 1, address6) + resource(pointer, 28, address),
            "addresses": header(0x8180, 1, 70, 0, 0) + www + b"".join(many),
            "chain": header(0x8180, 1, 3, 0, 0) + www + resource(name("b.cdn.example"), 1, address)
            + resource(name("a.cdn.example"), 5, name("b.cdn.example")) + resource(pointer, 5, name("a.cdn.example")),
            "chain-pointers": header(0x8180, 1, 2, 0, 0) + www + resource(pointer, 5, b"\3cdn\xc0\x10") + resource(b"\xc0\x2d", 1, address),
            "chain-ring": header(0x8180, 1, 2, 0, 0) + www + ring,
            "chain-long": header(0x8180, 1, 20, 0, 0) + www
            + b"".join(resource(name("n%d.example" % n), 5, name("n%d.example" % (n + 1))) for n in range(20)),
            "chain-broken": header(0x8180, 1, 1, 0, 0) + www + resource(pointer, 5, b"\x41"),
            "others": header(0x8180, 1, 1, 1, 1) + www + 3 * resource(name("bank.example"), 1, address),
            "no-records-wanted": header(0x8180, 1, 1, 0, 0) + question("www.example.org", 16) + resource(pointer, 16, b"\3abc"),
            "truncated": header(0x8380, 1, 1, 0, 0) + www,
            "runs": header(0x8180, 1, 2, 0, 0) + www + resource(b"\1x\0", 16, runs) + resource(b"\xc0\x7d", 1, address),
            "owner-forwards": header(0x8180, 1, 1, 0, 0) + www + resource(b"\1a\xc0\x21", 1, address),
            "hints": header(0x8180, 1, 1, 0, 0) + https + service(pointer, 1, "", hints),
            "hints-cut": header(0x8180, 1, 2, 0, 0) + https + service(pointer, 1, "", hints[:-20]) + service(pointer, 1, "", hints[:3]),
            "hints-odd": header(0x8180, 1, 1, 0, 0) + https + service(pointer, 1, "", b"\0\4\0\5" + bytes(5)),
            "service-port": header(0x8180, 1, 1, 0, 2) + question("_8443._https.www.example.org", 65) + service(pointer, 1, "svc.example")
            + resource(name("svc.example"), 1, address) + resource(name("svc.example"), 28, address6),
            "service-only-labels": header(0x8180, 1, 0, 0, 0) + question("_dns._udp", 64),
            "service-alias": header(0x8180, 1, 1, 1, 3) + https + service(pointer, 0, "pool.example")
            + resource(pointer, 2, name("ns.example")) + resource(name("pool.example"), 5, name("p1.example"))
            + service(name("p1.example"), 1, "", hints) + resource(name("p1.example"), 28, address6),
            "service-alias-none": header(0x8180, 1, 1, 0, 0) + https + service(pointer, 0, ""),
            "service-broken": header(0x8180, 1, 2, 0, 0) + https + resource(pointer, 65, b"\0\1") + resource(pointer, 65, b"\0\1\xc0\x0c"),
        },
    )


def watched(data, server=False, flags=0, seq=0):
    return struct.pack(">BHH", flags | server, 100 + seq, len(data)) + data


def dns_watch():
    TCP, SYN, ACK, FIN, RST, PORT, LATER = 2, 4, 8, 16, 32, 64, 128
    www, pointer = question("www.example.org"), b"\xc0\x0c"
    ask = header(0x0100, 1, 0, 0, 0) + www
    told = header(0x8180, 1, 1, 0, 0) + www + resource(pointer, 1, b"\xc0\0\2\1")
    asks = [header(0x0100, 1, 0, 0, 0) + question("n%d.example" % n) for n in range(6)]
    opened = watched(b"", flags=TCP | SYN) + watched(b"", True, TCP | SYN | ACK)
    closed = watched(b"", flags=TCP | FIN | ACK, seq=99) + watched(b"", True, TCP | FIN | ACK, 99)
    sent, got = vec16(ask), vec16(told)
    big = vec16(told + bytes(20000))
    return {
        "answered": watched(ask) + watched(told, True),
        "answered-twice": watched(ask) * 2 + watched(told, True) * 2,
        "unasked": watched(told, True),
        "swapped": watched(told) + watched(ask, True),
        "late": watched(ask) + watched(told, True, LATER) + watched(ask) + 3 * watched(b"", True, LATER) + watched(told, True),
        "other-port": watched(ask, flags=PORT) + watched(told, True),
        "other-id": watched(ask) + watched(b"\0\0" + told[2:], True),
        "other-name": watched(asks[0]) + watched(told, True),
        "many": b"".join(watched(one) for one in asks) + watched(told, True),
        "unreadable": watched(b"?") + watched(b"!", True),
        "stream": opened + watched(sent, flags=TCP | ACK, seq=1) + watched(got, True, TCP | ACK, 1) + closed,
        "stream-cut": opened + watched(sent[:9], flags=TCP | ACK, seq=1) + watched(sent[9:], flags=TCP | ACK, seq=10)
        + watched(got[20:], True, TCP | ACK, 21) + watched(got[:30], True, TCP | ACK, 1) + closed,
        "stream-pipelined": opened + watched(b"".join(map(vec16, asks)) + sent, flags=TCP | ACK, seq=1) + watched(got * 2, True, TCP | ACK, 1),
        "stream-middle": watched(sent, flags=TCP | ACK, seq=7) + watched(b"rest of it", True, TCP | ACK, 2) + watched(got, True, TCP | ACK, 9),
        "stream-big": opened + watched(sent, flags=TCP | ACK, seq=1) + watched(big + got, True, TCP | ACK, 1),
        "stream-gap": opened + watched(sent, flags=TCP | ACK, seq=1) + watched(got, True, TCP | ACK, 20000) + watched(got, True, TCP | ACK, 20100),
        "stream-not-dns": opened + watched(b"\0\1abc", flags=TCP | ACK, seq=1) + watched(sent, flags=TCP | ACK, seq=6),
        "stream-reset": opened + watched(sent[:9], flags=TCP | ACK, seq=1) + watched(b"", True, TCP | RST) + watched(b"", True, TCP | RST),
        "stream-again": opened * 2 + watched(b"", flags=TCP | SYN, seq=50) + watched(sent, flags=TCP | ACK, seq=51),
    }


def link_local():
    pointer, host = b"\xc0\x0c", question("Host.local")
    answer = resource(pointer, 1, b"\xc0\0\2\1")
    return {
        "query": header(0, 1, 0, 0, 0) + host,
        "query-two": header(0, 2, 0, 0, 0) + host + b"\4_ftp\xc0\x11\0\x0c\x80\1",
        "query-known": header(0, 1, 1, 0, 0) + host + answer,
        "query-probe": header(0, 1, 0, 1, 1) + question("host.local", 255, 0x80FF) + answer + resource(b"\0", 41, b"", 0),
        "query-instance": header(0, 1, 0, 0, 0) + question("Anna's Printer._ipp._tcp.local", 33),
        "query-recursion": header(0x0100, 1, 0, 0, 0) + host,
        "query-class": header(0, 1, 0, 0, 0) + question("host.local", 1, 3),
        "query-cut": (header(0, 2, 0, 0, 0) + host + host)[:-5],
        "query-none": header(0, 0, 0, 0, 0),
        "query-rest": header(0, 1, 0, 0, 0) + host + b"rest",
        "answer": header(0x8400, 0, 1, 0, 0) + resource(name("host.local"), 1, b"\xc0\0\2\1"),
        "answer-llmnr": header(0x8100, 1, 1, 0, 0) + host + answer,
        "answer-cut": header(0x8400, 0, 1, 0, 0) + resource(name("host.local"), 1, b"\xc0\0\2\1")[:-2],
        "answer-none": header(0x8400, 0, 0, 0, 0),
        "short": header(0, 1, 0, 0, 0)[:9],
    }


def dns():
    seeds = {}
    for title, data in dns_messages().items():
        seeds[title] = data
        seeds[f"tcp-{title}"] = stream(vec16(data), b"", BY_ONE | PORT_53)
        seeds[f"tcp-strict-{title}"] = stream(vec16(data))
        if title.startswith("answer"):
            seeds[f"tcp-back-{title}"] = stream(b"", vec16(data))
    query = dns_messages()["query"]
    seeds["tcp-two"] = stream(vec16(query) + vec16(query), vec16(dns_messages()["answer"]))
    seeds["tcp-long"] = stream(b"\x40\0" + query)
    seeds["tcp-long-answer"] = stream(b"", b"\x40\0" + dns_messages()["answer"], BY_ONE | PORT_53)
    seeds["tcp-longest-query"] = stream(b"\x10\0" + dns_messages()["inverse"], b"", BY_ONE | PORT_53)
    seeds["tcp-half-length"] = stream(b"\0")
    seeds["tcp-half-length-long"] = stream(b"\x50")
    seeds["tcp-middle"] = stream(b"noise", vec16(dns_messages()["answer"]), BY_ONE | MIDSTREAM)
    return seeds


# ---- SSH ----


def ssh():
    return {
        "both": stream(b"SSH-2.0-client\r\n", b"SSH-2.0-server\r\n"),
        "client": stream(b"SSH-2.0-client\r\n"),
        "server": stream(b"", b"SSH-1.99-server\n"),
        "old": stream(b"SSH-1.5-x\n"),
        "cut": stream(b"SSH-2"),
        "not": stream(b"SSL-2.0"),
        "not-and-server": stream(b"hello", b"SSH-2.0-server\r\n"),
        "middle": stream(bytes(20), b"", BY_ONE | MIDSTREAM),
        "middle-both": stream(bytes(20), b"\1\2\3", BY_ONE | MIDSTREAM),
        "version": stream(b"SSH-3.0-x\r\n"),
    }


# ---- packets of a flow: a byte of flags, then (control, length, shift) and the bytes ----

TCP, UDP, OTHER = 0, 2, 3
NO_PATTERNS = 16


def packets(flags, *parts):
    out = bytes([flags])
    for side, data, control, shift in parts:
        wide = len(data) > 255
        if wide:
            data += bytes(-len(data) % 16)
        out += bytes([side | control | (2 if wide else 0), len(data) // 16 if wide else len(data), shift]) + data
    return out


def inspection():
    hello = record(message(hello_body(sni(b"www.example.org") + alpn(b"h2"))))
    get = b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
    query, answer = dns_messages()["query"], dns_messages()["answer"]
    connect, connected = b"CONNECT a.example:1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 ok\r\n\r\n"
    ahead, behind, rebase = 4, 8, 0xF0
    return {
        "tls": packets(TCP, (0, hello, 0, 0), (1, record(SERVER_HELLO), 0, 0)),
        "tls-in-pieces": packets(TCP, *[(0, hello[at : at + 20], 0, 0) for at in range(0, len(hello), 20)]),
        "tls-overlapping": packets(TCP, (0, hello[:60], 0, 0), (0, hello[50:], behind, 10)),
        "tls-gap": packets(TCP, (0, hello[60:], ahead, 60), (0, hello[:60], behind, len(hello))),
        "http": packets(TCP, (0, get, 0, 0), (1, b"HTTP/1.1 200 OK\r\n\r\n", 0, 0)),
        "starttls": packets(TCP, (1, b"220 mx ESMTP\r\n", 0, 0), (0, b"EHLO a\r\n", 0, 0), (1, b"250 STARTTLS\r\n", 0, 0),
                            (0, b"STARTTLS\r\n", 0, 0), (1, b"220 ok\r\n", 0, 0), (0, hello, 0, 0)),
        "connect": packets(TCP, (0, connect, 0, 0), (1, connected, 0, 0), (0, hello[:40], 0, 0), (0, hello[40:], 0, 0)),
        "connect-deep": packets(TCP, (0, connect * 5 + hello, 0, 0), (1, connected * 5, 0, 0)),
        "connect-late": packets(TCP, (1, connected, 0, 0), (0, connect, 0, 0), (0, hello, 0, 0)),
        "socks": packets(TCP, (0, b"\5\1\0", 0, 0), (1, b"\5\0", 0, 0), (0, b"\5\1\0\3\1a\0\1", 0, 0),
                         (1, b"\5\0\0\1" + bytes(6), 0, 0), (0, connect, 0, 0), (1, connected, 0, 0), (0, hello, 0, 0)),
        "ssh": packets(TCP, (1, b"SSH-2.0-server\r\n", 0, 0), (0, b"SSH-2.0-client\r\n", 0, 0)),
        "dns-tcp": packets(TCP | 8, (0, vec16(query), 0, 0), (1, vec16(answer), 0, 0)),
        "dns-udp": packets(UDP | 8, (0, query, 0, 0), (1, answer, 0, 0)),
        "dns-strict": packets(UDP, (0, query, 0, 0)),
        "pattern": packets(TCP, (0, b"AC", 0, 0), (0, b"ME/1", 0, 0)),
        "pattern-late": packets(TCP, (0, b"hay neee", 0, 0), (1, b"xyz", 0, 0), (0, b"edle abc", 0, 0)),
        "pattern-limit": packets(TCP, (0, b"a" * 2000, 0, 0), (0, b"\1", 0, 0)),
        "pattern-datagrams": packets(UDP, (0, b"need", 0, 0), (0, b"needle", 0, 0)),
        "no-patterns": packets(TCP | NO_PATTERNS, (0, b"hello", 0, 0), (1, b"220 hello\r\n", 0, 0)),
        "rebase": packets(TCP, (0, b"hay", 0, 0), (0, b"needle", rebase, 1)),
        "rebase-away": packets(TCP, (0, b"hay", 0, 0), (0, b"x", rebase & ~1, 0), (1, b"needle", rebase, 1)),
        "rebase-closed": packets(UDP, *[(0, b"x", 0, 0)] * 13, (0, b"needle", rebase, 1)),
        "limit": packets(TCP, *[(side & 1, b"\0\1", 0, 0) for side in range(20)]),
        "limit-bytes": packets(TCP, *[(0, bytes(3000), 0, 0)] * 7),
        "limit-busy": packets(TCP, *[(0, hello[at : at + 3], 0, 0) for at in range(0, len(hello), 3)]),
        "middle": packets(TCP | 4, (1, record(bytes(32), 23) * 2, 0, 0)),
        "sctp": packets(OTHER, (0, b"needle", 0, 0)),
        "runs": packets(UDP, *[(side & 1, b"ab", 0, 0) for side in range(12)], (0, b"xyz", 0, 0)),
        "empty": packets(TCP, (0, b"", 0, 0), (1, b"", 0, 0)),
    }


# ---- .pat files ----


def patfile():
    return {
        "plain": b"# a comment\nacme\n^acme/[0-9]\n",
        "spaces": b"\n  \n# x\nacme \t\n  ^a \x0d\n",
        "bytes": b"acme\n^\\x16\\x03[\\x00-\\x7f]\\x5C\\x2e\\x\\xg1\n",
        "userspace": b"acme\n^kernel\nuserspace pattern=^user\\x00[a-z]+\nuserspace flags=REG_EXTENDED REG_NEWLINE\n",
        "userspace-spaces": b"acme\n^k\nuserspace pattern = ^u\nuserspace flags = REG_ICASE|REG_NOSUB\n",
        "userspace-unknown": b"acme\n^k\nuserspace colour=red\nuserspace flags=REG_PURPLE\n",
        "twice": b"acme\n^k\nuserspace pattern=a\nuserspace pattern=b\nuserspace flags=REG_ICASE\nuserspace flags=REG_ICASE\n",
        "no-regex": b"acme\n",
        "empty": b"\n",
        "nothing": b"",
        "more-lines": b"acme\n^k\n^l\nsomething else\n",
        "bad-name": b"ac me!\n^k\n",
        "long-name": b"a" * 300 + b"\n^k\n",
        "bad-regex": b"acme\n^(k\n",
        "nul": b"ac\0me\n^k\n",
        "no-newline": b"acme\n^k",
        "brackets": b"acme\n^[[.a.][=b=][:nope:]-z][]x][^]y-]\n",
        "bracket-range": b"acme\n^[z-a]\n",
        "bracket-open": b"acme\n^[ab\n",
        "words": b"acme\n\\<get\\>.\\w+\\.\\1\n",
        "backslash-last": b"acme\n^a\\\n",
        "braces": b"acme\n^{a{,3}b{2}c{2,}d{2,4}{x\n",
        "quantifiers": b"acme\n^(a|b?)*+?c**{2}+\n",
        "quantifier-first": b"acme\n*a\n",
        "groups-of-pcre": b"acme\n^(?:a)(?=b)(?!c)(?<d>e)(?i)f\n",
        "groups-deep": b"acme\n" + b"(" * 300 + b"\n",
        "upper-case-name": b"ACME\n^k\n",
        "dummy": b"unset\n^k\n",
        "long-regex": b"acme\n" + b"a" * 2000 + b"\n",
        "empty-userspace": b"acme\n^k\nuserspace pattern=\n",
        "classes": b"acme\n^[[:alpha:]\\x09-\\x0d -~]*[^\\]]\\.\\d{1,3}(a|b)?$\n",
    }


# ---- IP packets; frames ----


def ip4(payload, proto=6, options=b"", fragment=0, total=None):
    words = 5 + len(options) // 4
    length = 4 * words + len(payload) if total is None else total
    return (struct.pack(">BBHHHBBH", 0x40 | words, 0, length, 1, fragment, 64, proto, 0) +
            b"\x0a\0\0\2" + b"\xc0\0\2\x09" + options + payload)


def ip6(payload, proto=6, length=None):
    return (struct.pack(">IHBB", 0x60000000, len(payload) if length is None else length, proto, 64) +
            bytes(15) + b"\1" + bytes(15) + b"\2" + payload)


def tcp_segment(payload=b"x", offset=5):
    return struct.pack(">HHIIBBHHH", 40000, 443, 1, 2, offset << 4, 0x18, 1, 0, 0) + bytes(4 * max(0, offset - 5)) + payload


def udp_datagram(payload=b"x", length=None):
    return struct.pack(">HHHH", 40000, 53, 8 + len(payload) if length is None else length, 0) + payload


def ip_packets():
    tcp_data = tcp_segment()
    return {
        "tcp": ip4(tcp_data),
        "tcp-options": ip4(tcp_segment(b"hello", 8), options=bytes(8)),
        "tcp-offset-short": ip4(tcp_segment(offset=4)),
        "tcp-offset-long": ip4(tcp_segment(offset=15)[:30]),
        "tcp-cut": ip4(tcp_data[:10]),
        "udp": ip4(udp_datagram(), 17),
        "udp-short": ip4(udp_datagram(length=4), 17),
        "udp-long": ip4(udp_datagram(length=200), 17),
        "udp-zero": ip6(udp_datagram(length=0), 17),
        "udplite": ip4(udp_datagram(length=8), 136),
        "udplite-zero": ip4(udp_datagram(length=0), 136),
        "udplite-odd": ip4(udp_datagram(length=3), 136),
        "sctp": ip4(struct.pack(">HHII", 1, 2, 3, 4) + bytes(8), 132),
        "dccp": ip4(struct.pack(">HHBBH", 1, 2, 4, 0, 0) + bytes(12), 33),
        "dccp-long": ip4(struct.pack(">HHBBH", 1, 2, 4, 0, 0) + b"\1" + bytes(12), 33),
        "dccp-short": ip4(struct.pack(">HHBBH", 1, 2, 1, 0, 0) + b"\1", 33),
        "icmp": ip4(b"\x08\0\0\0\0\1\0\1" + bytes(8), 1),
        "icmp-cut": ip4(b"\x08", 1),
        "icmp6": ip6(b"\x80\0\0\0\0\1\0\1", 58),
        "esp": ip4(bytes(16), 50),
        "gre": ip4(b"\0\0\x08\0" + ip4(tcp_data), 47),
        "ah": ip4(b"\6\4\0\0" + bytes(20) + tcp_data, 51),
        "fragment": ip4(tcp_data, fragment=0x2000),
        "fragment-later": ip4(tcp_data, fragment=0x00B9),
        "total-short": ip4(tcp_data, total=12),
        "total-zero": ip4(tcp_data, total=0),
        "total-long": ip4(tcp_data, total=1500),
        "header-short": b"\x42" + ip4(tcp_data)[1:],
        "header-long": b"\x4f" + ip4(tcp_data)[1:],
        "version": b"\x50" + ip4(tcp_data)[1:],
        "six": ip6(tcp_data),
        "six-long": ip6(tcp_data, length=1000),
        "six-jumbo": ip6(b"\6\0\xc2\4\0\1\0\0" + tcp_data, 0, 0),
        "six-hop": ip6(b"\6\0" + bytes(6) + tcp_data, 0),
        "six-route": ip6(b"\6\2\0\0" + bytes(20) + tcp_data, 43),
        "six-options": ip6(b"\x3c\0" + bytes(6) + b"\6\0" + bytes(6) + tcp_data, 60),
        "six-fragment": ip6(b"\6\0\0\1\0\0\0\1" + tcp_data, 44),
        "six-fragment-later": ip6(b"\6\0\1\0\0\0\0\1" + tcp_data, 44),
        "six-fragment-whole": ip6(b"\6\0\0\0\0\0\0\1" + tcp_data, 44),
        "six-ah": ip6(b"\6\4\0\0" + bytes(20) + tcp_data, 51),
        "six-none": ip6(b"", 59),
        "six-mobility": ip6(b"\x3b\0" + bytes(6), 135),
        "six-chain": ip6((b"\0\0" + bytes(6)) * 20, 0),
        "six-cut": ip6(b"\6", 0),
        "six-short": ip6(tcp_data)[:30],
        "short": b"\x45\0\0",
    }


def packet():
    seeds = {title: b"\0\0" + data for title, data in ip_packets().items()}
    seeds["cut-on-the-way"] = b"\5\x00" + ip4(tcp_segment(), total=1200)
    return seeds


def records():
    def header(magic=0xa1b2c3d4, major=2, minor=4, snapshot=262144, link=1, order="="):
        return struct.pack(order + "IHHIIII", magic, major, minor, 0, 0, snapshot, link)

    def record(frame, captured=None, order="=", seconds=1700000000, fraction=123456):
        captured = len(frame) if captured is None else captured
        return struct.pack(order + "iiII", seconds, fraction, captured, len(frame)) + frame

    frame = bytes(range(60))
    return {
        "plain": b"\0" + header() + record(frame) * 3,
        "held": b"\x05" + header() + record(frame) * 9,
        "empty": b"\0" + header(),
        "nanoseconds": b"\0" + header(magic=0xa1b23c4d) + record(frame, fraction=999999999),
        "negative": b"\0" + header() + record(frame, seconds=-1, fraction=-5),
        "short": b"\0" + header(snapshot=20) + record(frame) * 2,
        "no-frame": b"\0" + header() + record(b"") * 2,
        "cut": b"\1" + header() + record(frame) + record(frame)[:-5],
        "cut-in-numbers": b"\1" + header() + record(frame) + record(frame)[:7],
        "too-long": b"\0" + header() + record(frame) + record(frame, captured=262145),
        "swapped": b"\0" + header(order=">") + record(frame, order=">"),
        "old": b"\0" + header(minor=3) + record(frame),
        "cooked": b"\0" + header(link=113) + record(frame),
        "other": b"\0" + bytes(40),
    }


def pcap():
    four, six = ip4(tcp_segment()), ip6(tcp_segment())
    mac = bytes(range(12))
    (ETHERNET, SLL, SLL2, RAW, RAW4, RAW6, NULL, LOOP, PPP, PPP_SERIAL, HDLC, PPPOE, WIFI) = (
        bytes([n]) for n in range(13))
    return {
        "ethernet": ETHERNET + mac + b"\x08\0" + four,
        "ethernet-six": ETHERNET + mac + b"\x86\xdd" + six,
        "ethernet-arp": ETHERNET + mac + b"\x08\6" + bytes(28),
        "ethernet-length": ETHERNET + mac + b"\0\x40" + b"\xaa\xaa\3\0\0\0\x08\0" + four,
        "ethernet-short": ETHERNET + mac,
        "vlan": ETHERNET + mac + b"\x81\0\0\5\x08\0" + four,
        "vlan-cut": ETHERNET + mac + b"\x81\0\0",
        "qinq": ETHERNET + mac + b"\x88\xa8\0\5\x81\0\0\6\x86\xdd" + six,
        "vlan-many": ETHERNET + mac + b"\x81\0\0\5" * 12 + b"\x08\0" + four,
        "mpls": ETHERNET + mac + b"\x88\x47\0\0\x10\x40\0\0\x21\x40" + four,
        "mpls-six": ETHERNET + mac + b"\x88\x47\0\0\x11\x40" + six,
        "mpls-cut": ETHERNET + mac + b"\x88\x47\0\0\x10\x40\0",
        "mpls-many": ETHERNET + mac + b"\x88\x47" + b"\0\0\x10\x40" * 20,
        "mpls-other": ETHERNET + mac + b"\x88\x48\0\0\x11\x40\0\0\0\0",
        "pppoe": ETHERNET + mac + b"\x88\x64\x11\0\0\1\0\x30\0\x21" + four,
        "pppoe-six": ETHERNET + mac + b"\x88\x64\x11\0\0\1\0\x30\0\x57" + six,
        "pppoe-lcp": ETHERNET + mac + b"\x88\x64\x11\0\0\1\0\x10\xc0\x21" + bytes(8),
        "pppoe-short": ETHERNET + mac + b"\x88\x64\x11\0\0\1\0\x30\x21" + four,
        "pppoe-odd": ETHERNET + mac + b"\x88\x64\x22\7\0\1\0\x30\0\x21" + four,
        "cooked": SLL + b"\0\0\0\1\0\6" + bytes(8) + b"\x08\0" + four,
        "cooked-six": SLL + b"\0\0\3\4\0\0" + bytes(8) + b"\x86\xdd" + six,
        "cooked-cut": SLL + bytes(10),
        "cooked2": SLL2 + b"\x08\0\0\0" + b"\0\0\0\2\0\1\0\6" + bytes(8) + four,
        "cooked2-cut": SLL2 + b"\x08\0\0\0",
        "raw": RAW + four,
        "raw-six": RAW + six,
        "raw-other": RAW + b"\x10abc",
        "raw4": RAW4 + four,
        "raw6": RAW6 + six,
        "null": NULL + struct.pack("=I", 2) + four,
        "null-six": NULL + struct.pack("=I", 10) + six,
        "null-six-bsd": NULL + struct.pack("=I", 30) + six,
        "null-swapped": NULL + struct.pack(">I", 2) + four,
        "null-other": NULL + struct.pack("=I", 77) + four,
        "null-cut": NULL + b"\2",
        "loop": LOOP + struct.pack(">I", 2) + four,
        "ppp": PPP + b"\0\x21" + four,
        "ppp-short": PPP + b"\x21" + four,
        "ppp-framed": PPP + b"\xff\3\0\x57" + six,
        "ppp-serial": PPP_SERIAL + b"\xff\3\0\x21" + four,
        "hdlc": HDLC + b"\x0f\0\x08\0" + four,
        "hdlc-ppp": HDLC + b"\xff\3\0\x21" + four,
        "pppoe-session": PPPOE + b"\x11\0\0\1\0\x30\0\x21" + four,
        "wifi": WIFI + bytes(40),
        "empty": ETHERNET,
    }


def prefix_segment(offset, length, kind=0, fill=7):
    """As fuzz_prefix.c reads it: offset in fours up to 240, length in bytes up to 240."""
    return bytes([offset, length, kind, fill])


def prefix():
    def segment(offset, length, fill):
        return struct.pack(">HBB", offset, length, fill)

    return {
        "in-order": segment(0, 10, 1) + segment(10, 10, 2) + segment(20, 10, 3),
        "reversed": segment(20, 10, 1) + segment(10, 10, 2) + segment(0, 10, 3),
        "overlapping": segment(0, 20, 1) + segment(10, 20, 2) + segment(5, 60, 3),
        "around": segment(100, 10, 1) + segment(120, 10, 2) + segment(90, 60, 3) + segment(0, 200, 4),
        "inside": segment(100, 50, 1) + segment(110, 10, 2),
        "many": b"".join(segment(20 * n + 10, 5, n) for n in range(20)) + segment(0, 255, 99),
        "end": segment(16380, 10, 1) + segment(16384, 4, 2) + segment(40000, 9, 3),
        "empty": segment(0, 0, 1) + segment(7, 0, 1),
        "consumed": prefix_segment(0, 90) + prefix_segment(30, 9) + prefix_segment(5, 0, 0xF0) + prefix_segment(25, 20)
        + prefix_segment(255, 0, 0xF0) + prefix_segment(0, 50),
        "far": prefix_segment(241, 250) + prefix_segment(0, 255) + prefix_segment(250, 255),
        "too-many": b"".join(prefix_segment(10 * n + 10, 5) for n in range(20)) + prefix_segment(0, 242),
    }


# ---- QUIC: parts as fuzz_quic.c reads them, which seals the frames ----

SERVER, SEALED, GLUED, SERVER_KEYS, CUT, PADDED, ZEROS = 1, 2, 4, 8, 16, 32, 64
V1, V2, DRAFT29, DRAFT23, MVFST, RESERVED, UNKNOWN, NO_VERSION = range(8)
# IDs by length and use
FIRST, NONE, SHORT, OTHER, LONGEST, CHANGED = range(6)
INITIAL, ZERO_RTT, HANDSHAKE, RETRY = range(4)


def sealed(frames, flags=0, version=V1, origin=FIRST, dcid=FIRST, scid=SHORT, token=0, kind=INITIAL, number=0, size=4):
    bits = origin | dcid << 3 | scid << 6 | token << 9
    head = bytes([flags | SEALED, version]) + struct.pack(">HBH", bits, kind | (size - 1) << 2, number)
    return head + vec16(frames)


def raw(data, flags=0, cut=b""):
    return bytes([flags]) + vec16(data) + cut


def crypto(data, offset=0):
    return b"\6" + struct.pack(">HH", 0x4000 | offset, 0x4000 | len(data)) + data


def quic():
    hello = message(hello_body(sni(b"www.example.org") + alpn(b"h3") + extension(57, b"\1\1\1"), session=0))
    half, rest = hello[:60], crypto(hello[60:], 60)
    whole = crypto(hello)
    quarters = [crypto(hello[at : at + 30], at) for at in range(0, len(hello), 30)]
    pieces = [crypto(hello[at : at + 2], at) for at in range(0, len(hello), 2)]
    ack = b"\2\5\x40\x19\1\2\1\3"
    other = b"\0\0\1" + ack + b"\3\5\0\0\0\1\2\x43\1" + b"\x1c\x41\0\6\3why"
    short = b"\x40" + bytes(range(40))
    first = b"\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08"
    unknown = sealed(whole, PADDED, UNKNOWN)
    huge = message(hello_body(sni(b"large.example.org") + extension(51, bytes(300)), session=0))
    huge = huge[:1] + b"\1\0\0" + huge[4:]
    seeds = {
        "quarters": b"".join(sealed(frames, number=n) for n, frames in enumerate(reversed(quarters))),
        "quarters-one-packet": sealed(b"".join(reversed(quarters))),
        "pieces": sealed(b"".join(pieces[::2] + pieces[1::2])),
        "other-frames": sealed(other + whole),
        "frame-not-allowed": sealed(b"\x08\1" + whole) + sealed(whole, number=1),
        "crypto-cut": sealed(b"\6\0\x44\0abc"),
        "crypto-far": sealed(b"\6\xc0\0\0\1\0\0\0\0\1x") + sealed(crypto(b"x" * 9, 16380)),
        "ack-cut": sealed(b"\3\5\0\x7f\xff"),
        "close-cut": sealed(b"\x1c\1\2\x7f\xff"),
        "no-hello": sealed(crypto(SERVER_HELLO)),
        "not-a-name": sealed(crypto(message(hello_body(sni(b"no name"), session=0)))),
        "broken-hello": sealed(crypto(message(b"\3\3" + bytes(40)))),
        "hello-and-more": sealed(crypto(hello + b"more")),
        "hello-short": sealed(crypto(b"\1\0")),
        "huge-hello": sealed(crypto(huge)) + sealed(b"", kind=HANDSHAKE),
        "coalesced": sealed(crypto(half), GLUED) + sealed(b"noise", GLUED, kind=ZERO_RTT)
        + sealed(b"noise", GLUED, kind=HANDSHAKE) + sealed(rest, GLUED, number=1) + raw(short),
        "back-to-back": sealed(crypto(half), GLUED | PADDED | ZEROS) + sealed(rest, PADDED, number=1),
        "changed-id": sealed(crypto(half)) + sealed(rest, dcid=CHANGED, number=1),
        "retry": sealed(crypto(half)) + raw(b"\xf0\0\0\0\1\4\x11\x22\x33\x44" + first + b"token" + bytes(16), SERVER)
        + sealed(crypto(hello[:80]), origin=OTHER, dcid=OTHER, token=1, number=1)
        + sealed(rest, origin=OTHER, dcid=CHANGED, token=1, number=2),
        "retry-alone": raw(b"\xf0\0\0\0\1\4\x11\x22\x33\x44" + first + b"token" + bytes(16)) + sealed(whole, SERVER),
        "short-id-after-retry": sealed(crypto(half)) + sealed(rest, origin=SHORT, dcid=SHORT, number=1),
        "compatible-version": sealed(crypto(half)) + sealed(rest, version=V2, dcid=CHANGED, number=1),
        "numbers": sealed(crypto(half), number=300) + sealed(ack, number=390, size=1) + sealed(rest, number=250, size=1),
        "numbers-wrap": sealed(crypto(half), number=250) + sealed(ack, number=260, size=1) + sealed(rest, number=255, size=1),
        "answered": sealed(crypto(half)) + sealed(b"", kind=HANDSHAKE, dcid=CHANGED),
        "answered-short": sealed(crypto(half)) + raw(short),
        "keepalive": sealed(crypto(half)) + raw(b"\0") + raw(b"\x40"),
        "server-first": sealed(ack, SERVER_KEYS, dcid=SHORT, scid=CHANGED) + sealed(whole, SERVER),
        "cut-then-server": sealed(whole, CUT | PADDED) + b"\xa0" + sealed(ack, SERVER | SERVER_KEYS, dcid=SHORT, scid=CHANGED)
        + sealed(whole, number=1),
        "cut-then-forged": sealed(whole, CUT | PADDED) + b"\xa0" + sealed(ack, SERVER | SERVER_KEYS, origin=OTHER, dcid=SHORT),
        "cut-in-header": sealed(whole, CUT | PADDED) + b"\xfd",
        "cut-after-packet": sealed(whole, GLUED) + sealed(b"noise", CUT, kind=HANDSHAKE) + b"\x08",
        "not-ours": sealed(whole, origin=OTHER),
        "not-ours-many": b"".join(sealed(b"", GLUED, origin=OTHER) for _ in range(9)) + sealed(b"", origin=OTHER),
        "many-datagrams": 7 * (b"".join(sealed(b"", GLUED, origin=OTHER) for _ in range(8)) + sealed(b"", origin=OTHER)),
        "both-sides": sealed(b"", origin=OTHER, dcid=CHANGED) + sealed(b"", SERVER, origin=OTHER, dcid=SHORT, scid=CHANGED),
        "both-sides-strangers": sealed(b"", origin=OTHER, dcid=CHANGED) + sealed(b"", SERVER, origin=OTHER, scid=OTHER),
        "in-a-row": sealed(b"", GLUED, origin=OTHER, dcid=CHANGED) + sealed(b"", origin=OTHER, dcid=CHANGED, kind=HANDSHAKE),
        "no-ids": sealed(whole, origin=NONE, dcid=NONE, scid=NONE),
        "longest-ids": sealed(whole, origin=LONGEST, dcid=LONGEST, scid=LONGEST),
        "negotiation": unknown + raw(b"\x8a\0\0\0\0\4\x11\x22\x33\x44" + first + b"\0\0\0\1", SERVER) + sealed(whole),
        "negotiation-of-another": unknown + raw(b"\x8a\0\0\0\0\0" + first + b"\0\0\0\1", SERVER),
        "negotiation-odd": raw(b"\x8a\0\0\0\0\0" + first + b"\0\0\1"),
        "unknown-small": sealed(b"", version=UNKNOWN),
        "no-version": sealed(b"", version=NO_VERSION),
        "no-fixed-bit": raw(b"\x80\0\0\0\1" + first + b"\0\0\x15" + bytes(21)),
        "id-of-21": raw(b"\xc0\0\0\0\1\x15" + bytes(40)),
        "id-cut": raw(b"\xc0\0\0\0\1\x14" + bytes(10)),
        "token-past-end": raw(b"\xc0\0\0\0\1" + first + b"\0\x7f\xff" + bytes(21)),
        "length-past-end": raw(b"\xc0\0\0\0\1" + first + b"\0\0\x16" + bytes(21)),
        "length-cut": raw(b"\xc0\0\0\0\1" + first + b"\0\0\x80"),
        "no-source-id": raw(b"\xc0\0\0\0\0" + first),
        "short-header": raw(short),
        "text": raw(b"not QUIC at all"),
    }
    for number, title in enumerate(("v1", "v2", "draft-29", "draft-23", "mvfst", "reserved")):
        seeds["whole-" + title] = sealed(whole, PADDED, number)
    return seeds


# ---- DTLS: datagrams, each behind flags and a length ----


def datagram(data, server=False, cut=0):
    return struct.pack(">BH", server | 2 * cut, len(data)) + data


def dtls_record(data, kind=22, epoch=0, version=b"\xfe\xff"):
    return bytes([kind]) + version + struct.pack(">H", epoch) + bytes(6) + vec16(data)


def dtls_message(body, kind=1, number=0, at=0, count=None):
    count = len(body) - at if count is None else count
    head = struct.pack(">B", kind) + struct.pack(">I", len(body))[1:] + struct.pack(">H", number)
    return head + struct.pack(">I", at)[1:] + struct.pack(">I", count)[1:] + body[at : at + count]


def dtls():
    def body(cookie=b"", extensions=sni(b"www.example.org") + alpn(b"webrtc")):
        plain = hello_body(extensions, b"\xfe\xfd", 0)
        return plain[:35] + vec8(cookie) + plain[35:]

    def said(message, **more):
        return datagram(dtls_record(message), **more)

    hello, again, large = body(), body(bytes(20)), body(extensions=extension(21, bytes(20000)) + sni(b"www.example.org"))
    verify = dtls_message(b"\xfe\xff" + vec8(bytes(20)), 3)
    server = dtls_message(b"\xfe\xfd" + bytes(32) + b"\0\xc0\x2b\0", 2)
    server_more = dtls_message(b"\xfe\xfd" + bytes(32) + b"\0\xc0\x2b\0" + vec16(extension(23, b"")), 2)
    stun = b"\0\1\0\4\x21\x12\xa4\x42" + bytes(16)
    return {
        "hello": said(dtls_message(hello)),
        "hello-ech": said(dtls_message(body(extensions=sni(b"www.example.org") + ech()))),
        "hello-nameless": said(dtls_message(body(extensions=None))),
        "hello-broken": said(dtls_message(hello[:36] + b"\0\3" + hello[38:])),
        "hello-no-hello": said(dtls_message(bytes(60))),
        "hello-cut": datagram(dtls_record(dtls_message(hello))[:-9], cut=1) + said(dtls_message(hello), cut=1),
        "halves": said(dtls_message(hello, at=40)) + said(dtls_message(hello, count=40)),
        "halves-one-datagram": datagram(dtls_record(dtls_message(hello, count=40)) + dtls_record(dtls_message(hello, at=40))),
        "halves-one-record": said(dtls_message(hello, count=50) + dtls_message(hello, at=40)),
        "tenths": b"".join(said(dtls_message(hello, at=at, count=min(10, len(hello) - at))) for at in range(0, len(hello), 10)),
        "verify": said(dtls_message(hello, count=50)) + said(verify, server=True) + said(dtls_message(again, number=1, count=50))
        + said(dtls_message(hello, count=50)) + said(dtls_message(again, number=1, at=50)),
        "both-sides": said(dtls_message(hello, count=50)) + said(dtls_message(hello, at=50), server=True),
        "large": b"".join(said(dtls_message(large, at=at, count=min(1200, len(large) - at))) for at in range(0, len(large), 1200)),
        "server": said(server, server=True),
        "server-more": said(server_more + dtls_message(bytes(40), 11), server=True) + said(dtls_message(hello)),
        "server-cut": datagram(dtls_record(server)[:-5], server=True, cut=1),
        "server-part": said(dtls_message(server[12:], 2, count=30), server=True),
        "verify-odd": said(dtls_message(b"\xfe\xff\5abc", 3), server=True),
        "stun-first": datagram(stun) + datagram(stun, server=True) + said(dtls_message(hello)),
        "later": datagram(dtls_record(b"\2\50", 21) + dtls_record(bytes(40), 23, 1)) + said(dtls_message(hello)),
        "later-encrypted": datagram(dtls_record(server) + b"\x2e" + bytes(30), server=True),
        "encrypted-hello": datagram(dtls_record(dtls_message(hello), epoch=1)),
        "old": datagram(dtls_record(dtls_message(hello), version=b"\1\0")),
        "past-record": datagram(dtls_record(dtls_message(hello))[:-1]),
        "past-message": said(dtls_message(hello, at=40, count=30)[:-1]),
        "past-length": said(dtls_message(hello)[:6] + b"\0\0\1" + dtls_message(hello)[9:]),
        "message-short": said(b"\1\0\0"),
        "header-cut": datagram(b"\x16\xfe\xfd\0\0"),
        "text": datagram(b"not DTLS at all"),
    }


# ---- dialogues: flags, then what is said; 0xff hands over to the other side, twice it is said ----

SERVER_FIRST = 2
LINES = ("smtp", "imap", "pop3", "ftp", "xmpp", "postgresql")


def dialogue(*flights, index=0, flags=BY_ONE):
    return bytes([flags | index * 8]) + b"\xff".join(flight.replace(b"\xff", b"\xff\xff") for flight in flights)


def starttls():
    seeds = {}

    def lines(app, title, *flights):
        said = (flight.replace("|", "\r\n").encode() for flight in flights)
        seeds[f"{app}-{title}"] = dialogue(*said, index=LINES.index(app), flags=BY_ONE | SERVER_FIRST)

    lines("smtp", "granted", "220 mx ESMTP|", "EHLO me|", "250-mx|250 STARTTLS|", "STARTTLS|", "220 ok|", "\x16")
    lines("smtp", "refused", "220-mx|220 hi|", "LHLO me|", "250 STARTTLS|", "STARTTLS|", "454 no|", "NOOP|MAIL FROM:<a>|", "250 ok|")
    lines("smtp", "not-offered", "220 mx|", "EHLO me|", "500 no|", "EHLO|", "250 SIZE|")
    lines("smtp", "greeting", "220 mx ESMTP|")
    lines("smtp", "quit", "220 mx|", "HELP|", "214 help|", "QUIT|")
    lines("smtp", "odd", "220 mx|", "EHLO me|", "\x01|")
    lines("smtp", "other", "220 mx|", "FOO|")
    lines("smtp", "unknown", "220 mx|", "EHLO a|", "250 STARTTLS|", "FOO|")
    lines("smtp", "long", "220 " + "x" * 2050)
    lines("imap", "granted", "* OK hi|", "a CAPABILITY|", "* CAPABILITY STARTTLS|a OK|", "b STARTTLS|", "b OK|", "\x16")
    lines("imap", "refused", "* OK hi|", "b STARTTLS|", "* BYE|b NO|", "c LOGIN a b|")
    lines("imap", "no-tag", "* OK hi|", " LOGIN a b|")
    lines("pop3", "granted", "+OK POP3|", "AUTH|", "-ERR|", "CAPA|", "+OK|STLS|.|", "STLS|", "+OK|", "\x16")
    lines("pop3", "refused", "+OK hi|", "USER a|", "+OK|", "STLS|", "-ERR|", "PASS b|")
    lines("ftp", "granted", "220-FTP| hi|220 .|", "FEAT|", "211-x| AUTH TLS|211 .|", "AUTH TLS|", "234 ok|", "\x16")
    lines("ftp", "refused", "220 hi|", "AUTH SSL|", "504|", "AUTH GSSAPI|")
    seeds["smtp-middle"] = dialogue(b"220 mx\r\n", b"HELO me\r\n", flags=BY_ONE | MIDSTREAM)

    stream = "<stream:stream to='x' xmlns:stream='http://etherx.jabber.org/streams'>"
    ask = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    offer = "<stream:features><starttls/><x/></stream:features>"

    def xmpp(title, *flights):
        seeds["xmpp-" + title] = dialogue(*(flight.encode() for flight in flights), index=4)

    xmpp("granted", "<?xml version='1.0'?>" + stream, stream + offer, ask, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    xmpp("long-form", stream + "\n" + ask.replace("/>", "></starttls>"), stream + offer, "", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>")
    xmpp("long-form-odd", stream + ask.replace("/>", "><x>"))
    xmpp("refused", stream, stream + offer, ask, "<failure/></stream:stream>")
    xmpp("not-offered", stream, stream + "<features/>")
    xmpp("clear", stream, stream + offer, "<auth>")
    xmpp("other", "<html>")
    xmpp("doctype", "<!DOCTYPE html>")
    xmpp("text", "text")
    xmpp("server-text", stream, "\0")

    def postgresql(title, *flights):
        seeds["postgresql-" + title] = dialogue(*flights, index=5)

    tls, gss = (struct.pack(">II", 8, code) for code in (80877103, 80877104))
    startup = struct.pack(">II", 31, 3 << 16) + b"db\0data\0user\0me\0replic\0"
    postgresql("granted", gss, b"N", tls, b"S", b"\x16")
    postgresql("refused", tls, b"N", startup)
    postgresql("error", tls, b"E")
    postgresql("cancel", struct.pack(">IIII", 16, 80877102, 1, 2))
    postgresql("startup", struct.pack(">II", 17, 3 << 16) + b"user\0me\0\0")
    postgresql("startup-odd", struct.pack(">II", 17, 3 << 16) + b"name\0me\0\0")
    postgresql("sizes", struct.pack(">II", 9, 80877103))
    postgresql("size-startup", struct.pack(">II", 9, 3 << 16))
    return seeds


def socks():
    name = b"\5\1\0\3" + vec8(b"dst.example") + b"\1\xbb"
    reply = b"\5\0\0\1" + bytes(6)
    four = b"\4\1\1\xbb"
    return {
        "name": dialogue(b"\5\2\0\2", b"\5\0", name, reply, b"\x16"),
        "password": dialogue(b"\5\1\2", b"\5\2", b"\1\2me\2pw", b"\1\0", b"\5\1\0\1\xc0\0\2\1\0\x50", b"\5\0\0\3\1x\0\0"),
        "password-wrong": dialogue(b"\5\1\2", b"\5\2", b"\1\2me\2pw", b"\1\1"),
        "password-odd": dialogue(b"\5\1\2", b"\5\2", b"\5\1\0\1"),
        "v6": dialogue(b"\5\1\0", b"\5\0", b"\5\1\0\4" + bytes(18), b"\5\0\0\4" + bytes(18)),
        "address-as-name": dialogue(b"\5\1\0", b"\5\0", b"\5\1\0\3" + vec8(b"192.0.2.1") + b"\0\1"),
        "gssapi": dialogue(b"\5\1\1", b"\5\1", b"\1\1\0\0"),
        "udp": dialogue(b"\5\1\0", b"\5\0", b"\5\3\0\1" + bytes(6)),
        "refused": dialogue(b"\5\1\0", b"\5\0", name, b"\5\4\0\1" + bytes(6)),
        "address-odd": dialogue(b"\5\1\0", b"\5\0", b"\5\1\0\2"),
        "reply-odd": dialogue(b"\5\1\0", b"\5\0", name, b"\5\0\0\2"),
        "request-odd": dialogue(b"\5\1\0", b"\5\0", b"\1\1\0\1"),
        "choice-odd": dialogue(b"\5\1\0", b"\5\2"),
        "no-methods": dialogue(b"\5\0"),
        "server": dialogue(b"", b"\5\0"),
        "text": dialogue(b"text"),
        "four": dialogue(four + b"\xc0\0\2\1me\0", b"\0\x5a" + bytes(6), b"\x16"),
        "four-name": dialogue(four + b"\0\0\0\1\0dst.example\0", b"\0\x5a" + bytes(6)),
        "four-refused": dialogue(four + b"\0\0\0\1\0dst.example\0", b"\0\x5b" + bytes(6)),
        "four-odd": dialogue(four + b"\xc0\0\2\1\1\0"),
        "four-command": dialogue(b"\4\3"),
        "four-reply-odd": dialogue(four + b"\xc0\0\2\1\0", b"\0\x60"),
    }


def http2():
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = b"\0\0\0\4\0\0\0\0\0"

    def frame(payload, kind=1, flags=4, stream=1):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def block(payload, **more):
        return dialogue(preface + settings + frame(payload, **more))

    connect = b"CONNECT a.example:1 HTTP/1.1\r\nHost: b\r\n\r\n"
    upgrade = b"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: x, h2c\r\nContent-Length: 2\r\n\r\nab"
    huffman = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"
    return {
        "plain": block(b"\x82\x86\x84\x41\x0fwww.example.com"),
        "huffman": block(huffman),
        "host": block(b"\x82\x0f\x17\x0bh.example:8"),
        "host-spelt": block(b"\0\4host\1x\0\x0a:authority\1y\0\7x-other\1z"),
        "connect-method": block(b"\2\7CONNECT\1\1z"),
        "dynamic": block(b"\x20\x3f\xe1\x1f\x40\4host\1a\x7e\1b\xbe\xbf\x41\1c\xc0\x83\xa6\x81"),
        "no-entry": block(b"\1\1x\xbe"),
        "no-name-entry": block(b"\x7e\1b"),
        "index-zero": block(b"\1\1x\x80"),
        "string-cut": block(b"\1\2x"),
        "name-cut": block(b"\0\x05ho"),
        "integer-endless": block(b"\1\1x\xbf\x80\x80\x80\x80\x80\x80\1"),
        "long": block(b"\1\x7f\xb1\1" + b"a" * 304),
        "padding-odd": block(b"\1\x82\x1f\xff"),
        "padding-zero": block(b"\1\x81\x18"),
        "padding-long": block(b"\1\x84\xff\xff\xff\xff"),
        "padded": block(b"\2\0\0\0\0\x10\x82\x01\1x\0\0", flags=0x2C),
        "padded-odd": block(b"\7\1", flags=0x0C),
        "continued": dialogue(preface + settings + frame(b"\x82\x01", flags=0) + frame(b"\1x", kind=9)),
        "continued-odd": dialogue(preface + settings + frame(b"\x82\x01", flags=0) + frame(b"")),
        "frames": dialogue(preface + frame(bytes(6), 4, 0, 0) + frame(bytes(4), 8, 0, 0) + frame(b"\x82\1\1x")),
        "no-settings": dialogue(preface + frame(b"\x82\1\1x")),
        "stream-zero": block(b"\x82\1\1x", stream=0),
        "cut": dialogue(preface + settings + frame(b"\x82\1\1x\0\5coo")[:-2]),
        "server-first": dialogue(b"", settings, preface),
        "server-odd": dialogue(b"", b"\0\0\1\4"),
        "preface-odd": dialogue(b"PRI * HTTP/2.1"),
        "middle": dialogue(b"", preface + settings, flags=MIDSTREAM),
        "http-connect": dialogue(connect, b"HTTP/1.1 200 ok\r\n\r\n", b"\x16", index=1),
        "http-connect-again": dialogue(connect, b"HTTP/1.1 407 no\r\nContent-Length: 1\r\n\r\nx", connect, b"HTTP/1.1 200 ok\r\n\r\n", index=1),
        "http-connect-refused": dialogue(connect, b"HTTP/1.1 502 no\r\n\r\n", index=1),
        "http-upgrade": dialogue(upgrade, b"HTTP/1.1 100 c\r\n\r\nHTTP/1.1 101 ok\r\n\r\n", preface, index=1),
        "http-upgrade-refused": dialogue(upgrade, b"HTTP/1.1 200 ok\r\n\r\n", index=1),
    }


# ---- answers to probes ----


def internet_checksum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(kind, sequence=1, code=0):
    rest = struct.pack(">HH", 0x1234, sequence) + bytes(8)
    return bytes([kind, code]) + struct.pack(">H", internet_checksum(bytes([kind, code, 0, 0]) + rest)) + rest


def probe():
    question = b"\3www\7example\3org\0\0\1\0\1"

    def dns_answer(flags=0x8180, ident=0x1234, counts=(1, 0, 0, 0), tail=question):
        return b"d\0" + struct.pack(">6H", ident, flags, *counts) + tail

    return {
        "icmp": b"4\0" + ip4(echo(0), proto=1),
        "icmp-options": b"4\0" + ip4(echo(0), proto=1, options=b"\1" * 4),
        "icmp-other": b"4\0" + ip4(echo(0, sequence=2), proto=1),
        "icmp-quoted": b"4\0" + echo(8)[:8],
        "icmp-short": b"4\0" + ip4(echo(0)[:9], proto=1),
        "icmp-checksum": b"4\0" + ip4(echo(0)[:-1] + b"x", proto=1),
        "icmp-udp": b"4\0" + ip4(udp_datagram(), proto=17),
        "icmp-not-ip4": b"4\0" + bytes(40),
        "icmp6": b"6\0" + echo(129),
        "icmp6-code": b"6\0" + echo(129, code=1),
        "icmp6-quoted": b"6\0" + echo(128),
        "http-200": b"h\0HTTP/1.1 200 OK\r\n\r\n",
        "http-bare": b"h\2HTTP/1.0 404\n",
        "http-interim": b"h\4HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100\n\nHTTP/1.1 302 \r\n",
        "http-part": b"h\1HTTP/1.1 20",
        "http-long-status": b"h\1HTTP/1.1 2000\r\n",
        "http-low-status": b"h\1HTTP/1.1 099\r\n",
        "http-2": b"h\1HTTP/2.0 200\r\n",
        "http-ssh": b"h\1SSH-2.0-x\r\n",
        "http-endless": b"h\6HTTP/1.1 100 Continue\r\n" + b"x" * 1500,
        "dns": dns_answer(),
        "dns-nxdomain": dns_answer(flags=0x8183),
        "dns-query": dns_answer(flags=0x0100),
        "dns-opcode": dns_answer(flags=0xA180),
        "dns-other-id": dns_answer(ident=0x1235),
        "dns-upper-case": dns_answer(tail=question.upper()),
        "dns-other-question": dns_answer(tail=question.replace(b"www", b"ftp")),
        "dns-no-question": dns_answer(counts=(0, 0, 0, 0)),
        "dns-short": dns_answer(tail=question[:-1]),
        "name": b"n\0www.example.org.",
        "name-root": b"n\0.",
        "name-empty-label": b"n\0a..b",
        "name-long-label": b"n\0" + b"a" * 64,
        "name-longest": b"n\0" + b".".join([b"a" * 49] * 5) + b".bcd",
        "name-too-long": b"n\0" + b".".join([b"a" * 49] * 5) + b".bcde.f",
    }


TARGETS = {
    "fuzz_dns": dns,
    "fuzz_dns_message": dns_whole,
    "fuzz_dns_watch": dns_watch,
    "fuzz_dtls": dtls,
    "fuzz_http": http,
    "fuzz_http2": http2,
    "fuzz_inspection": inspection,
    "fuzz_mdns": link_local,
    "fuzz_packet": packet,
    "fuzz_patfile": patfile,
    "fuzz_pcap": pcap,
    "fuzz_records": records,
    "fuzz_prefix": prefix,
    "fuzz_probe": probe,
    "fuzz_quic": quic,
    "fuzz_socks": socks,
    "fuzz_ssh": ssh,
    "fuzz_starttls": starttls,
    "fuzz_tls": tls,
}


def main():
    for target in sys.argv[1:] or TARGETS:
        directory = os.path.join(CORPUS, target)
        os.makedirs(directory, exist_ok=True)
        for title, data in TARGETS[target]().items():
            with open(os.path.join(directory, title), "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main()
