#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Small programs for the lab: an echo server, a talker, a flood of flows.

They exist because a test must hold a connection open, know that each exchange
was whole, and await events, which no stock client does. Debian's python3 alone.
"""
import argparse
import itertools
import os
import signal
import socket
import sys
import time


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


async def echo_stream(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


class EchoDatagrams:
    """An asyncio.DatagramProtocol by shape: asyncio is slow to load, and only a server needs it."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)

    def error_received(self, error):
        pass

    def connection_lost(self, error):
        pass


def serve(args):
    """Echo on TCP, any address; on UDP at --udp addresses, so that each answers as itself."""
    import asyncio

    async def main():
        loop = asyncio.get_running_loop()
        for port in args.ports:
            for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                await asyncio.start_server(echo_stream, address, port, family=family)
            for address in args.udp:
                await loop.create_datagram_endpoint(EchoDatagrams, (address, port))
        await asyncio.Event().wait()

    asyncio.run(main())


def talk(args):
    """One connection; a line every 20 ms, each echo awaited. Exit 1 at the first loss."""
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    kind = socket.SOCK_DGRAM if args.udp else socket.SOCK_STREAM
    line = socket.socket(family_of(args.address), kind)
    # two talks may have one source port, if they are bound for different addresses
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if args.tos is not None:
        if ":" in args.address:
            line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, args.tos)
        else:
            line.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, args.tos)
    if args.mark is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, args.mark)
    if args.source:
        line.bind((args.source, args.sport))
    elif args.sport:
        line.bind(("::" if ":" in args.address else "0.0.0.0", args.sport))
    line.settimeout(args.timeout)
    try:
        line.connect((args.address, args.port))
        if args.first:
            payload = args.first.encode().decode("unicode_escape").encode("latin-1")
            exchange(line, payload, args.udp)
        for count in itertools.count(1):
            exchange(line, b"line %d\n" % count, args.udp, args.patient)
            with open(args.status + ".new", "w") as status:
                print(count, file=status)
            os.replace(args.status + ".new", args.status)
            if stop or count == args.count:
                break
            time.sleep(args.interval)
    except OSError as error:
        sys.exit(f"talk: {error}")
    line.close()


def exchange(line, payload, datagram, patient=False):
    while patient:
        try:
            line.send(payload)
            while line.recv(65536) != payload:
                pass
            return
        except (TimeoutError, ConnectionRefusedError):
            pass  # lost, or refused underway: said again
    line.sendall(payload)
    got = b""
    while len(got) < len(payload):
        more = line.recv(65536)
        if not more:
            raise ConnectionResetError("closed by the other side")
        got += more
        if datagram:
            break
    if got != payload:
        raise OSError(f"sent {payload!r}, got {got!r}")


def blob(args):
    """Sends `bytes` at once, as large as the socket takes them, and compares the echo."""
    import random
    import threading

    payload = random.Random(1).randbytes(args.bytes)
    line = socket.create_connection((args.address, args.port), timeout=args.timeout)
    got = bytearray()
    reader = threading.Thread(target=lambda: read_into(line, got, len(payload)))
    reader.start()
    line.sendall(payload)
    reader.join()
    if got != payload:
        sys.exit(f"blob: sent {len(payload)} bytes, got {len(got)}, different")
    print(f"{len(got)} bytes there and back")


def read_into(line, got, count):
    while len(got) < count:
        more = line.recv(1 << 16)
        if not more:
            return
        got += more


def flood(args):
    """One datagram to each of `count` different (address, port): as many new flows."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    prefix = args.prefix.rsplit(".", 1)[0]
    sent = 0
    begin = time.monotonic()
    for port in range(20000, 60000):
        for last in range(100, 200):
            try:
                line.sendto(b"x", (f"{prefix}.{last}", port))
            except (BlockingIOError, OSError):
                time.sleep(0.001)
                continue
            sent += 1
            if sent == args.count:
                print(f"{sent} flows in {time.monotonic() - begin:.1f} s")
                return


def drip(args):
    """A datagram every --interval seconds until told to end, each from a source port of its own: as
    many new flows. Prints port and time of each."""
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    begin = time.monotonic()
    for count in itertools.count():
        if stop or count and count == args.count:
            return
        line = socket.socket(family_of(args.address), socket.SOCK_DGRAM)
        port = 10000 + count % 50000
        line.bind((args.source or ("::" if ":" in args.address else "0.0.0.0"), port))
        now = time.time()
        try:
            line.sendto(b"drip", (args.address, args.port))
        except OSError:
            pass  # refused by a router: as good as lost
        line.close()
        print(f"{port} {now:.6f}", flush=True)
        time.sleep(max(0, begin + (count + 1) * args.interval - time.monotonic()))


def dns_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def dns_answer(query, name, address):
    """The answer to `query`: `name` is at `address`."""
    import struct

    record = struct.pack(">HHHIH", 0xC00C, 1, 1, 300, 4) + socket.inet_aton(address)
    return query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + dns_name(name) + b"\0\1\0\1" + record


def lie(args):
    """A name server that answers every query with what must not be believed, then with NXDOMAIN."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((args.address, 53))
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind((args.stranger, 53))
    print("listening", flush=True)
    while True:
        query, client = server.recvfrom(4096)
        forged = dns_answer(query, args.name, args.forged)
        wrong_id = bytes([query[0] ^ 1]) + forged[1:]
        other_name = dns_answer(query, "other." + args.name, args.forged)
        stranger.sendto(forged, client)
        server.sendto(wrong_id, client)
        server.sendto(forged, (client[0], client[1] ^ 1))
        server.sendto(other_name, client)
        end = 12 + len(dns_name(args.name)) + 4
        honest = query[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + query[12:end]
        server.sendto(honest, client)
        # the question is answered: whatever comes now is late
        server.sendto(forged, client)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("serve")
    command.add_argument("ports", type=int, nargs="+")
    command.add_argument("--udp", action="append", default=[], metavar="ADDRESS")
    command.set_defaults(run=serve)

    command = commands.add_parser("talk")
    command.add_argument("address")
    command.add_argument("port", type=int)
    command.add_argument("--status", required=True)
    command.add_argument("--udp", action="store_true")
    command.add_argument("--tos", type=lambda text: int(text, 0))
    command.add_argument("--mark", type=lambda text: int(text, 0))
    command.add_argument("--source")
    command.add_argument("--sport", type=int, default=0)
    command.add_argument("--first", help="said before the first line")
    command.add_argument("--count", type=int, default=0)
    command.add_argument("--interval", type=float, default=0.02)
    command.add_argument("--timeout", type=float, default=3.0)
    command.add_argument("--patient", action="store_true", help="with --udp: what is lost is said again")
    command.set_defaults(run=talk)

    command = commands.add_parser("blob")
    command.add_argument("address")
    command.add_argument("port", type=int)
    command.add_argument("bytes", type=int)
    command.add_argument("--timeout", type=float, default=10.0)
    command.set_defaults(run=blob)

    command = commands.add_parser("flood")
    command.add_argument("prefix")
    command.add_argument("count", type=int)
    command.set_defaults(run=flood)

    command = commands.add_parser("drip")
    command.add_argument("address")
    command.add_argument("port", type=int)
    command.add_argument("--source")
    command.add_argument("--interval", type=float, default=0.002)
    command.add_argument("--count", type=int, default=0)
    command.set_defaults(run=drip)

    command = commands.add_parser("lie")
    command.add_argument("address")
    command.add_argument("stranger", help="another address of ours, that nobody asks")
    command.add_argument("name")
    command.add_argument("forged", help="the address that is claimed for the name")
    command.set_defaults(run=lie)

    args = parser.parse_args()
    args.run(args)


main()
