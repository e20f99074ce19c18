#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the captures of tests/pcap/apps packet by packet, and checks them.

A build.py describes conversations:

    from talk import Captures
    with Captures(__file__) as captures:
        c = captures.file("in.pcap")
        with c.udp("ntp", sport=40000, dport=123) as t:     # the app that it is
            t.client(bytes.fromhex("23..."))                # one datagram each
            t.server(...)
        with c.tcp("redis", dport=6379) as t:               # handshake and FINs are made
            t.client(b"PING\\r\\n")                          # one segment each
            t.server(b"+PONG\\r\\n")
        n = captures.file("not.pcap")
        with n.udp(None, dport=123) as t:                   # must be null
            t.client(bytes(48))
        with n.tcp("!redis", dport=6379) as t:              # anything but that
            t.client(b"GET / HTTP/1.0\\r\\n\\r\\n")

Run as `talk.py build [NAME...]` it writes the captures and `truth` beside each build.py; as
`talk.py check [NAME...]` it builds them anew elsewhere, compares byte by byte, replays every
capture there is (also real.pcap, which record.bash made), compares the app of each flow with
`truth`, and cuts the streams into other segments, which must change nothing. TAP on stdout.

truth: a line a flow, "FILE PROTO SRC SPORT DST DPORT APP", src being who sent first. APP is a
name, "-" for null, "!NAME" for anything else, and "NAME|OTHER" where either is right.
"""
import importlib.util, ipaddress, json, os, random, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
APPS = os.path.join(HERE, "apps")
PROTO = {"tcp": 6, "udp": 17, "sctp": 132}


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


class Talk:
    """One conversation. client() and server() each send one packet; `midstream` leaves the handshake out."""

    def __init__(self, capture, proto, app, src, dst, sport, dport, midstream=False, finish=True):
        self.capture, self.proto, self.app = capture, proto, app
        self.ends = (ipaddress.ip_address(src), ipaddress.ip_address(dst))
        self.ports = (sport, dport)
        self.seq = [1000, 5000]
        self.midstream, self.finish = midstream, finish
        self.first = None  # who sent first

    def __enter__(self):
        if self.proto == "tcp" and not self.midstream:
            self._tcp(0, 0x02)
            self._tcp(1, 0x12)
            self._tcp(0, 0x10)
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            if self.proto == "tcp" and not self.midstream and self.finish:
                self._tcp(0, 0x11)
                self._tcp(1, 0x11)
                self._tcp(0, 0x10)
            self.capture.truth(self)

    def client(self, data, wire_length=None):
        """`wire_length`: the length on the wire of what a snap length has cut to `data` (UDP)."""
        self._send(0, data, wire_length)
        return self

    def server(self, data, wire_length=None):
        self._send(1, data, wire_length)
        return self

    def _send(self, side, data, wire_length):
        if self.proto == "tcp":
            for at in range(0, len(data), 1400):
                self._tcp(side, 0x18, data[at:at + 1400])
        elif self.proto == "udp":
            length = wire_length or len(data)
            header = struct.pack("!HHHH", self.ports[side], self.ports[1 - side], 8 + length, 0)
            self._ip(side, header + data, length - len(data))
        else:  # the IP protocol's own payload
            self._ip(side, data, 0)

    def _tcp(self, side, flags, data=b""):
        header = struct.pack("!HHIIBBHHH", self.ports[side], self.ports[1 - side], self.seq[side],
                             self.seq[1 - side] if flags & 0x10 else 0, 0x50, flags, 65535, 0, 0)
        self.seq[side] += len(data) + (1 if flags & 0x03 else 0)
        self._ip(side, header + data, 0, sum_at=16)

    def _ip(self, side, payload, cut, sum_at=6):
        if self.first is None:
            self.first = side
        src, dst = self.ends[side], self.ends[1 - side]
        number = PROTO.get(self.proto, self.proto)
        if not cut and number in (6, 17):
            pseudo = src.packed + dst.packed + struct.pack("!HH", number, len(payload))
            value = checksum(pseudo + payload) or 0xFFFF
            payload = payload[:sum_at] + struct.pack("!H", value) + payload[sum_at + 2:]
        if src.version == 4:
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload) + cut, self.capture.ident(), 0, 64, number, 0)
            head += src.packed + dst.packed
            head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        else:
            head = struct.pack("!IHBB", 6 << 28, len(payload) + cut, number, 64) + src.packed + dst.packed
        self.capture.packet(head + payload, cut)


class Capture:
    def __init__(self, owner, name):
        self.owner, self.name = owner, name
        self.data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)  # raw IP
        self.count = self.number = 0

    def ident(self):
        return self.count & 0xFFFF

    def packet(self, ip, cut):
        us = self.count * 20000
        self.data += struct.pack("<IIII", 1700000000 + us // 1000000, us % 1000000, len(ip), len(ip) + cut) + ip
        self.count += 1

    def _talk(self, proto, app, src, dst, sport, dport, **options):
        self.number += 1  # each conversation has a port of its own
        return Talk(self, proto, app, src, dst, 40000 + self.number if sport is None else sport, dport, **options)

    def udp(self, app, dport, sport=None, src="10.0.0.2", dst="192.0.2.9", **options):
        return self._talk("udp", app, src, dst, sport, dport, **options)

    def tcp(self, app, dport, sport=None, src="10.0.0.2", dst="192.0.2.9", **options):
        return self._talk("tcp", app, src, dst, sport, dport, **options)

    def ip(self, app, number, src="10.0.0.2", dst="192.0.2.9"):
        """A conversation over an IP protocol without ports."""
        return Talk(self, number, app, src, dst, None, None)

    def truth(self, talk):
        a, b = talk.first or 0, 1 - (talk.first or 0)
        names = {50: "esp", 51: "ah", 47: "gre", 115: "l2tp", 1: "icmp", 58: "icmp6"}
        proto = talk.proto if isinstance(talk.proto, str) else names.get(talk.proto, str(talk.proto))
        port = lambda p: "-" if p is None else p
        self.owner.lines.append(f"{self.name} {proto} {talk.ends[a]} {port(talk.ports[a])} "
                                f"{talk.ends[b]} {port(talk.ports[b])} {talk.app or '-'}")


class Captures:
    """All files of one protocol. Written to $TALK_OUT, else beside build.py."""

    def __init__(self, script):
        self.directory = os.environ.get("TALK_OUT") or os.path.dirname(os.path.abspath(script))
        self.files, self.lines = [], []

    def file(self, name):
        self.files.append(Capture(self, name))
        return self.files[-1]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            return
        kept = []
        path = os.path.join(self.directory, "truth")
        if os.path.exists(path):  # what record.bash knows of its captures stays
            mine = {c.name for c in self.files}
            kept = [l for l in open(path).read().splitlines() if l.split(" ", 1)[0] not in mine]
        for c in self.files:
            with open(os.path.join(self.directory, c.name), "wb") as out:
                out.write(c.data)
        with open(path, "w") as out:
            out.write("".join(l + "\n" for l in sorted(kept) + self.lines))


# ---- checking ----

def build(name, out=None):
    env = dict(os.environ, PYTHONPATH=HERE, PYTHONDONTWRITEBYTECODE="1")
    if out:
        env["TALK_OUT"] = out
    return subprocess.run([sys.executable, os.path.join(APPS, name, "build.py")], env=env,
                          capture_output=True, text=True)


def replay(path):
    waymark = os.path.join(os.environ.get("WAYMARK_BUILD", os.path.join(HERE, "../../build")), "waymark")
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
        conf.write("rules_dir = [];\n")
        conf.flush()
        run = subprocess.run([waymark, "replay", "-c", conf.name, "--json", path], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"replay: exit {run.returncode}: {run.stderr.strip()}")
    flows = {}
    for line in run.stdout.splitlines():
        f = json.loads(line)
        key = (f["proto"], f["src"], str(f["sport"] if f["sport"] is not None else "-"),
               f["dst"], str(f["dport"] if f["dport"] is not None else "-"))
        flows.setdefault(key, []).append(f["app"])
    return flows


def agrees(app, truth):
    if truth == "-":
        return app is None
    if truth.startswith("!"):
        return app != truth[1:]
    return app in truth.split("|")


def resegment(path, out, seed):
    """The same streams in other segments: each TCP payload in pieces of 1 to 40 bytes or whole."""
    rng = random.Random(seed)
    data = open(path, "rb").read()
    link = struct.unpack_from("<I", data, 20)[0]
    if struct.unpack_from("<I", data, 0)[0] != 0xA1B2C3D4 or link != 101:
        return False
    result, at = data[:24], 24
    while at < len(data):
        head, size = data[at:at + 16], struct.unpack_from("<I", data, at + 8)[0]
        ip = data[at + 16:at + 16 + size]
        at += 16 + size
        l3 = (ip[0] & 15) * 4 if ip[0] >> 4 == 4 else 40
        proto = ip[9] if ip[0] >> 4 == 4 else ip[6]
        if proto != 6 or rng.random() < 0.3:
            result += head + ip
            continue
        l4 = (ip[l3 + 12] >> 4) * 4
        payload, seq = ip[l3 + l4:], struct.unpack_from("!I", ip, l3 + 4)[0]
        if len(payload) < 2 or len(payload) > 600:
            result += head + ip
            continue
        sent = 0
        while sent < len(payload):
            piece = payload[sent:sent + rng.choice((1, 2, 3, 5, 8, 13, 40))]
            tcp = ip[l3:l3 + 4] + struct.pack("!I", seq + sent) + ip[l3 + 8:l3 + l4] + piece
            total = struct.pack("!H", l3 + len(tcp) if ip[0] >> 4 == 4 else len(tcp))
            where = 2 if ip[0] >> 4 == 4 else 4
            packet = ip[:where] + total + ip[where + 2:l3] + tcp
            result += head[:8] + struct.pack("<II", len(packet), len(packet)) + packet
            sent += len(piece)
    open(out, "wb").write(result)
    return True


def problems(name, work):
    directory = os.path.join(APPS, name)
    for file in ("in.pcap", "not.pcap", "truth", "build.py"):
        if not os.path.exists(os.path.join(directory, file)):
            yield f"no {file}"
            return
    truth = [l.split(" ") for l in open(os.path.join(directory, "truth")).read().splitlines()]
    captures = sorted(f for f in os.listdir(directory) if f.endswith(".pcap"))
    made = build(name, work)
    if made.returncode:
        yield f"build.py: {made.stderr.strip()}"
        return
    for file in sorted(f for f in os.listdir(work) if f.endswith(".pcap")):
        if open(os.path.join(work, file), "rb").read() != open(os.path.join(directory, file), "rb").read():
            yield f"{file} is not what build.py makes"
    for line in open(os.path.join(work, "truth")).read().splitlines():
        if line.split(" ") not in truth:
            yield f"truth lacks: {line}"
    if not any(t[0] != "not.pcap" and name in t[6].split("|") for t in truth):
        yield f"nothing in truth is {name}"
    for file in captures:
        path = os.path.join(directory, file)
        if os.path.getsize(path) > 61440:
            yield f"{file}: more than 60 KiB"
        variants = [(file, path)]
        other = os.path.join(work, "resegmented." + file)
        if resegment(path, other, file):
            variants.append((file + " in other segments", other))
        for what, path in variants:
            flows = replay(path)
            mine = [t for t in truth if t[0] == file]
            if not mine:
                yield f"{file}: truth says nothing of it"
            for key in sorted(set(flows) - {tuple(t[1:6]) for t in mine}):
                yield f"{what}: {' '.join(key)} is not in truth"
            for t in mine:
                got = flows.get(tuple(t[1:6]))
                if got is None:
                    yield f"{what}: no flow {' '.join(t[1:6])}"
                elif not all(agrees(app, t[6]) for app in got):
                    yield f"{what}: {' '.join(t[1:6])}: app is {got[0]}, truth says {t[6]}"


def check(names):
    failed = 0
    print(f"1..{len(names)}")
    for number, name in enumerate(names, 1):
        with tempfile.TemporaryDirectory() as work:
            try:
                found = list(problems(name, work))
            except Exception as error:  # a broken case fails, and the others run
                found = [repr(error)]
        failed |= bool(found)
        print(f"{'not ok' if found else 'ok'} {number} app capture: {name}")
        for line in found[:20]:
            print("#", line)
        sys.stdout.flush()
    return failed


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("build", "check"):
        sys.exit("usage: talk.py build|check [NAME...]")
    names = sys.argv[2:] or sorted(d for d in os.listdir(APPS) if os.path.isdir(os.path.join(APPS, d)))
    if sys.argv[1] == "check":
        sys.exit(check(names))
    for name in names:
        made = build(name)
        sys.stderr.write(made.stderr)
        if made.returncode:
            sys.exit(1)


if __name__ == "__main__":
    main()
