#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic of no protocol: whatever is claimed of it is a guess that an inspector should not make.

    noise.py check [FLOWS [SEED]]      FLOWS of each kind (WAYMARK_BUILD is the build directory): TAP
    noise.py write KIND OUT [FLOWS [SEED]]

A kind is a way to speak and a way to fill messages; each is one capture. The bytes are the same on every run
with the same seed. What two-way evidence falls for is in here: servers that echo, peers that repeat
themselves, headers that stay the same on both sides, counters that count on, lengths that are right.
"""
import json, os, random, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

FLOWS, SEED = 40, 1  # of `make check`

# Flows that noise made into the protocol, with its full evidence: (kind, app): why. At best there is none.
EXPLAINED = {}


# ---- bytes ----

def length(rng):
    return rng.choice((rng.randint(1, 24), rng.randint(1, 64), rng.randint(1, 300), rng.randint(1, 1400)))


def uniform(rng, size):
    return rng.randbytes(size)


def small(rng, size):
    return bytes(rng.choices((0, 1, 2, 3, 4, 5, 8, 16, 0x80, 0xff, rng.randrange(256)),
                             (40, 12, 8, 4, 4, 2, 2, 2, 4, 6, 16), k=size))


def zeros(rng, size):
    data = bytearray(size)
    for _ in range(rng.randint(0, 4)):
        data[rng.randrange(min(size, 16))] = rng.randrange(256)
    return bytes(data)


def text(rng, size):
    return bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;=-_/<>{}\"'\r\n\t", k=size))


def words(rng, size):
    """Lines of words and numbers."""
    out = b""
    while len(out) < size:
        word = bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=rng.randint(1, 9)))
        out += rng.choice((word, word.upper(), word.capitalize(), b"%d" % rng.randrange(1000)))
        out += rng.choice((b" ", b" ", b" ", b": ", b", ", b"=", b"\r\n", b"\n"))
    return out[:size] + b"\r\n"


FILLS = {"uniform": uniform, "small": small, "zeros": zeros, "text": text, "words": words}


# ---- ways to speak: [(side, message), ...] ----

def apart(rng, fill):
    """Messages that have nothing to do with each other, one to four of them."""
    return [(rng.randrange(2), fill(rng, length(rng))) for _ in range(rng.choice((1, 2, 2, 4)))]


def echo(rng, fill):
    """The answer is the question."""
    said = []
    for _ in range(rng.randint(1, 3)):
        message = fill(rng, length(rng))
        said += [(0, message), (1, message)]
    return said


def repeat(rng, fill):
    """The same again, from one side or from both."""
    message, sides = fill(rng, length(rng)), rng.choice(((0, 0), (0, 0, 0, 0), (0, 1, 0, 1), (0, 0, 1, 1)))
    return [(side, message) for side in sides]


def header(rng, fill):
    """The first 1 to 12 bytes stay, the rest does not."""
    head = fill(rng, rng.randint(1, 12))
    same = rng.random() < 0.5
    size = length(rng)
    return [(k % 2 if same else rng.randrange(2), head + fill(rng, size if same else length(rng)))
            for k in range(rng.randint(2, 5))]


def answer(rng, fill):
    """The answer is the question with a few bytes changed, or with more behind it."""
    question, said = fill(rng, length(rng)), []
    for _ in range(rng.randint(1, 2)):
        reply = bytearray(question)
        for _ in range(rng.randint(1, 3)):
            reply[rng.randrange(min(len(reply), 16))] ^= rng.choice((1, 2, 0x80, rng.randrange(256)))
        said += [(0, question), (1, bytes(reply) + (fill(rng, length(rng)) if rng.random() < 0.3 else b""))]
    return said


def counter(rng, fill):
    """A number that counts on in each message, of either byte order, and a body of one length."""
    form, size = rng.choice(("!H", "<H", "!I", "<I", "!Q", "B")), length(rng)
    at, start, step = rng.randint(0, 8), rng.choice((0, 1, rng.randrange(200))), rng.choice((1, 1, 1, 2))
    head, sides = fill(rng, at + 1)[:at], rng.choice(((0, 0, 0, 0, 0), (0, 1, 0, 1, 0, 1)))
    return [(side, head + struct.pack(form, start + k * step & 0xff) + fill(rng, size)) for k, side in enumerate(sides)]


def lengths(rng, fill):
    """Before each message stands its length, with or without itself."""
    form, itself = rng.choice(("!H", "<H", "!I", "<I", "B")), rng.random() < 0.3
    before = fill(rng, rng.choice((0, 0, 0, 1, 2, 4)) + 1)[1:]
    after = rng.random() < 0.5
    said = []
    for k in range(rng.randint(1, 4)):
        body = fill(rng, min(length(rng), 200))
        size = len(body) + (len(before) + struct.calcsize(form) if itself else 0)
        said.append((k % 2 if after else rng.randrange(2), before + struct.pack(form, size & 0xff) + body))
    return said


WAYS = {"apart": apart, "echo": echo, "repeat": repeat, "header": header, "answer": answer, "counter": counter,
        "lengths": lengths}
KINDS = [f"{proto} {way} {fill}" for proto in ("udp", "tcp", "midstream") for way in WAYS for fill in FILLS]


# ---- captures ----

def packets(proto, number, said):
    """Raw IPv4 packets of one conversation; `proto` is udp, tcp, or midstream (TCP without its handshake)."""
    ends = (struct.pack("!BBH", 10, 1, number // 60000), b"\xc0\0\2\1")
    ports, seq = (1024 + number % 60000, 7777), [1000, 5000]

    def packet(side, number, layer4):
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(layer4), 0, 0, 64, number, 0)
        return head + ends[side] + ends[1 - side] + layer4

    def segment(side, flags, data=b""):
        layer4 = struct.pack("!HHIIBBHHH", ports[side], ports[1 - side], seq[side], seq[1 - side] if flags & 16 else 0,
                             0x50, flags, 65535, 0, 0) + data
        seq[side] += len(data) + (1 if flags & 3 else 0)
        return packet(side, 6, layer4)

    if proto == "udp":
        for side, data in said:
            yield packet(side, 17, struct.pack("!HHHH", ports[side], ports[1 - side], 8 + len(data), 0) + data)
        return
    if proto == "tcp":
        yield from (segment(0, 2), segment(1, 18), segment(0, 16))
    for side, data in said:
        yield segment(side, 24, data)
    if proto == "tcp":
        yield from (segment(0, 17), segment(1, 17), segment(0, 16))


def write(kind, path, flows, seed):
    proto, way, fill = kind.split()
    rng = random.Random(f"{seed} {kind}")
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        at_us = 0
        for number in range(flows):
            for ip in packets(proto, number, WAYS[way](rng, FILLS[fill])):
                at_us += 200
                out.write(struct.pack("<IIII", 1700000000 + at_us // 1000000, at_us % 1000000, len(ip), len(ip)) + ip)


def claims(directory, path):
    waymark = os.path.join(os.environ.get("WAYMARK_BUILD", os.path.join(HERE, "../../build")), "waymark")
    conf = os.path.join(directory, "conf")
    with open(conf, "w") as file:
        file.write("rules_dir = [];\n")
    said = subprocess.run([waymark, "replay", "-c", conf, "--json", path], stdout=subprocess.PIPE, check=True)
    flows = [json.loads(line) for line in said.stdout.splitlines()]
    return len(flows), [flow for flow in flows if flow["app"]]


def check(flows, seed):
    print(f"1..{len(KINDS)}")
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "pcap")
        for number, kind in enumerate(KINDS, 1):
            write(kind, path, flows, seed)
            seen, claimed = claims(directory, path)
            wrong = [flow for flow in claimed if (kind, flow["app"]) not in EXPLAINED]
            bad = wrong or seen < flows
            failed |= bool(bad)
            print(f"{'not ok' if bad else 'ok'} {number} - {kind}: nothing is claimed of it")
            if seen < flows:
                print(f"# {seen} flows of {flows}")
            for flow in wrong[:20]:
                print(f"# {flow['app']} is claimed of {flow['src']} {flow['sport']} in {flow['packets']} packets")
            sys.stdout.flush()
    return 1 if failed else 0


def main(arguments):
    command, arguments = arguments[:1], arguments[1:]
    kind, out = (arguments.pop(0), arguments.pop(0)) if command == ["write"] and len(arguments) > 1 else (None, None)
    try:
        flows, seed = (*map(int, arguments), *(FLOWS, SEED)[len(arguments):])
    except ValueError:
        command = None
    if command == ["check"]:
        return check(flows, seed)
    if command == ["write"] and kind in KINDS:
        write(kind, out, flows, seed)
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
