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
    ahead, behind, rebase = 4, 8, 0xF0
    return {
        "tls": packets(TCP, (0, hello, 0, 0), (1, record(SERVER_HELLO), 0, 0)),
        "tls-in-pieces": packets(TCP, *[(0, hello[at : at + 20], 0, 0) for at in range(0, len(hello), 20)]),
        "tls-overlapping": packets(TCP, (0, hello[:60], 0, 0), (0, hello[50:], behind, 10)),
        "tls-gap": packets(TCP, (0, hello[60:], ahead, 60), (0, hello[:60], behind, len(hello))),
        "http": packets(TCP, (0, get, 0, 0), (1, b"HTTP/1.1 200 OK\r\n\r\n", 0, 0)),
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


TARGETS = {
    "fuzz_dns": dns,
    "fuzz_http": http,
    "fuzz_inspection": inspection,
    "fuzz_packet": packet,
    "fuzz_patfile": patfile,
    "fuzz_pcap": pcap,
    "fuzz_prefix": prefix,
    "fuzz_quic": quic,
    "fuzz_ssh": ssh,
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
