#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""postgresql.py ADDRESS PORT CERTIFICATE KEY - turns into TLS as PostgreSQL does, then refuses.

A client has done all that concerns the router by then: the database itself is too large to
be installed for this. The refusal says which name the client sent.
"""
import socket
import ssl
import struct
import sys

TLS_REQUEST = struct.pack(">II", 8, 80877103)
GSS_REQUEST = struct.pack(">II", 8, 80877104)


def message(kind, body):
    return kind + struct.pack(">I", len(body) + 4) + body


def serve(line, context):
    while (request := line.recv(8, socket.MSG_WAITALL)) == GSS_REQUEST:
        line.sendall(b"N")
    if request != TLS_REQUEST:
        return
    line.sendall(b"S")
    with context.wrap_socket(line, server_side=True) as secured:
        secured.recv(4096)  # the startup message
        said = f"nobody logs in to {secured.asked_for}".encode()
        secured.sendall(message(b"E", b"SFATAL\0VFATAL\0C28000\0M" + said + b"\0\0"))


def main():
    address, port, certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def remember(secured, name, _):
        secured.asked_for = name

    context.sni_callback = remember
    listener = socket.create_server((address, int(port)))
    while True:
        line, _ = listener.accept()
        line.settimeout(10)
        with line:
            try:
                serve(line, context)
            except OSError as error:
                print(error, file=sys.stderr, flush=True)


main()
