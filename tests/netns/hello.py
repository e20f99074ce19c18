#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hello - a TLS client that says its ClientHello and no more, of a size and in segments of one's choice.
#
#   hello.py [--segment BYTES] [--padding BYTES] [--ech] ADDRESS PORT NAME
#
# It offers a post-quantum key share (X25519MLKEM768, 1216 bytes) beside a classical one, and the
# server's name stands behind both and the padding: at the very end. With --ech it carries an
# encrypted_client_hello as well, whose inside is noise: what a server without the key sees of
# the true one, and of GREASE. Done when the server has answered with a ServerHello; prints how long
# the ClientHello was.

import argparse
import os
import socket
import struct
import sys

X25519MLKEM768, X25519 = 0x11EC, 0x001D


def with_length(form, data):
    return struct.pack(form, len(data)) + data


def extension(number, data):
    return struct.pack(">H", number) + with_length(">H", data)


def key_share(group, size):
    return struct.pack(">H", group) + with_length(">H", os.urandom(size))


def outer_ech():
    # outer, HKDF-SHA256 and AES-128-GCM, a configuration's number, an X25519 key, the payload
    data = b"\0" + struct.pack(">HHB", 1, 1, 17)
    return data + with_length(">H", os.urandom(32)) + with_length(">H", os.urandom(208))


def client_hello(name, padding, ech):
    extensions = b"".join(
        [
            extension(0xFE0D, outer_ech()) if ech else b"",
            extension(43, b"\x02\x03\x04"),
            extension(10, with_length(">H", struct.pack(">HH", X25519MLKEM768, X25519))),
            extension(13, with_length(">H", struct.pack(">5H", 0x0403, 0x0804, 0x0401, 0x0503, 0x0805))),
            extension(16, with_length(">H", b"\x08http/1.1")),
            extension(51, with_length(">H", key_share(X25519MLKEM768, 1216) + key_share(X25519, 32))),
            extension(21, bytes(padding)),
            extension(0, with_length(">H", b"\0" + with_length(">H", name.encode()))),
        ]
    )
    body = b"\x03\x03" + os.urandom(32) + with_length(">B", os.urandom(32))
    body += with_length(">H", struct.pack(">3H", 0x1301, 0x1302, 0x1303)) + b"\x01\0"
    body += with_length(">H", extensions)
    return b"\x16\x03\x01" + with_length(">H", b"\x01" + struct.pack(">I", len(body))[1:] + body)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--segment", type=int, default=0)
    parser.add_argument("--padding", type=int, default=0)
    parser.add_argument("--ech", action="store_true")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("name")
    args = parser.parse_args()
    hello = client_hello(args.name, args.padding, args.ech)
    family = socket.AF_INET6 if ":" in args.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        if args.segment:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, args.segment)
        connection.connect((args.address, args.port))
        connection.sendall(hello)
        answer = b""
        while len(answer) < 6:
            more = connection.recv(4096)
            if not more:
                sys.exit("the server has ended the connection")
            answer += more
    # a handshake record, and in it a ServerHello
    if answer[0] != 0x16 or answer[5] != 2:
        sys.exit(f"no ServerHello: {answer[:8].hex()}")
    print(len(hello))


main()
