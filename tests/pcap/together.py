#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""All golden captures as one: altered so that their flows do not meet, then together, shuffled or cut.

    together.py check [PCAP...]        what `make check` runs (WAYMARK_BUILD is the build directory): TAP
    together.py write OUT [--live]     the altered captures as one file, in the order of their times;
                                       --live: without flows that no interface would deliver whole
    together.py send FILE INTERFACE MAC
                                       what `write` wrote, by an interface of this namespace, to this
                                       neighbour: all in order, and slow enough for every queue

Altered: each address of each capture becomes the next one of 10.0.0.0/8 or fd00::/96, in headers and
in what DNS answers say; multicast and broadcast stay. Times begin at BEGIN. Link layers go: raw IP.

What must hold, one by one being `waymark replay` of each capture as it is:
  - together, and shuffled (the order within a flow kept), each flow has the same packets, app and name;
  - a flow that lacks its first packets, or its last, is not known, or is what the whole flow is, or a
    lower layer of it, or what apps/*/truth calls as right (STUN, and the RTP behind it); and has no name but
    the whole flow's, or one that it shows itself: who asks DNS for many names has another first one.
    Neighbours that look alike (not.pcap) lose their last packets only: what is left of them without what
    gives them away may well be what it looks like.
"""
import collections, glob, ipaddress, itertools, json, os, random, re, socket, struct, subprocess, sys, tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN = 1_700_000_000_000_000  # microseconds
ETHERNET, RAW = 1, 101
TCP, UDP, FRAGMENT = 6, 17, 44
HEADERS6 = {0: "hop-by-hop", 43: "routing", 60: "destination"}
DNS = 53
SEEDS = range(1, 6)


def captures():
    return sorted(glob.glob(f"{HERE}/*/in.pcap") + glob.glob(f"{HERE}/apps/*/*.pcap"))


# ---- packets ----

def read(path):
    """(time in microseconds, the IP packet as far as it was captured, its bytes that were not)"""
    with open(path, "rb") as file:
        data = file.read()
    magic, = struct.unpack_from("<I", data)
    order, unit = {0xA1B2C3D4: ("<", 1), 0xA1B23C4D: ("<", 1000),
                   0xD4C3B2A1: (">", 1), 0x4D3CB2A1: (">", 1000)}[magic]
    link, = struct.unpack_from(order + "I", data, 20)
    at = 24
    while at < len(data):
        seconds, part, captured, length = struct.unpack_from(order + "IIII", data, at)
        frame = data[at + 16:at + 16 + captured]
        at += 16 + captured
        if link == ETHERNET:
            while frame[12:14] in (b"\x81\x00", b"\x88\xa8"):
                frame = frame[4:]  # a tag
            if frame[12:14] not in (b"\x08\x00", b"\x86\xdd"):
                continue
            frame = frame[14:]
        elif link != RAW:
            raise ValueError(f"{path}: link type {link}")
        packet = Packet(frame)
        yield seconds * 1_000_000 + part // unit, packet


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


class Packet:
    """An IP packet; what is behind its end on the wire (padding) is left out."""

    def __init__(self, data):
        self.version = data[0] >> 4
        if self.version == 4:
            self.length = struct.unpack_from("!H", data, 2)[0] or len(data)
            self.ends, self.size = 12, 4
            self.proto, self.payload = data[9], (data[0] & 15) * 4
            self.fragment = struct.unpack_from("!H", data, 6)[0] & 0x3FFF != 0
        else:
            self.length = 40 + struct.unpack_from("!H", data, 4)[0]
            self.ends, self.size = 8, 16
            self.proto, self.payload, self.fragment = data[6], 40, False
            while self.proto in HEADERS6 or self.proto == FRAGMENT:
                self.fragment |= self.proto == FRAGMENT
                size = 8 if self.proto == FRAGMENT else 8 + data[self.payload + 1] * 8
                self.proto, self.payload = data[self.payload], self.payload + size
        self.data = bytearray(data[:self.length])
        self.ports = None
        if self.proto in (TCP, UDP, 33, 132, 136) and not self.fragment and len(self.data) >= self.payload + 4:
            self.ports = struct.unpack_from("!HH", self.data, self.payload)

    def address(self, side):
        at = self.ends + side * self.size
        return bytes(self.data[at:at + self.size])

    def flow(self):
        """The same for both directions."""
        ends = [(self.address(side), self.ports[side] if self.ports else None) for side in (0, 1)]
        return self.proto, *sorted(ends, key=lambda end: (end[0], end[1] or 0))

    def is_whole(self):
        return len(self.data) == self.length

    def alter(self, names):
        """Each address by its new one."""
        for side in (0, 1):
            at = self.ends + side * self.size
            self.data[at:at + self.size] = names.of(self.address(side))
        if self.ports and DNS in self.ports:
            header = 8 if self.proto == UDP else (self.data[self.payload + 12] >> 4) * 4
            self.data[self.payload + header:] = names.replace(bytes(self.data[self.payload + header:]))
        if self.version == 4:
            self.put_sum(10, self.data[:self.payload])
        if self.proto in (TCP, UDP) and self.is_whole() and not self.fragment:
            at = self.payload + (16 if self.proto == TCP else 6)
            rest = len(self.data) - self.payload
            self.put_sum(at, self.data[self.ends:self.ends + 2 * self.size] +
                         struct.pack("!HH", self.proto, rest) + self.data[self.payload:],
                         2 * self.size + 4 + at - self.payload)

    def put_sum(self, at, over, place=None):
        place = at if place is None else place
        value = checksum(bytes(over[:place]) + b"\0\0" + bytes(over[place + 2:]))
        self.data[at:at + 2] = struct.pack("!H", value or 0xFFFF)


class Names:
    """The new addresses of one capture."""

    def __init__(self, ordinals):
        self.ordinals, self.new, self.pattern = ordinals, {}, None

    def of(self, old):
        address = ipaddress.ip_address(old)
        if address.is_multicast or old == b"\xff\xff\xff\xff":
            return old
        if old not in self.new:
            block = b"\x0a" + bytes(3) if len(old) == 4 else b"\xfd" + bytes(15)
            self.new[old] = (int.from_bytes(block, "big") + next(self.ordinals)).to_bytes(len(old), "big")
        return self.new[old]

    def replace(self, data):
        # zeros are in every DNS message, whoever has asked DHCP from there
        self.pattern = self.pattern or re.compile(b"|".join(re.escape(old) for old in self.new if any(old)), re.DOTALL)
        return self.pattern.sub(lambda found: self.new[found[0]], data)


class Together:
    """Every packet of the captures, altered, in the order of their times."""

    def __init__(self, paths):
        self.packets = []  # (time, packet)
        self.old = {}  # new address: (capture, old address)
        ordinals = itertools.count(1)
        for path in paths:
            names, first, last = Names(ordinals), None, 0
            packets = list(read(path))
            for _, packet in packets:  # DNS answers tell of addresses that come later
                names.of(packet.address(0)), names.of(packet.address(1))
            for when, packet in packets:
                first = when if first is None else first
                last = max(last, when - first)  # the order is the capture's
                packet.alter(names)
                self.packets.append((BEGIN + last, packet))
            for old, new in names.new.items():
                self.old[str(ipaddress.ip_address(new))] = (path, str(ipaddress.ip_address(old)))
        self.packets.sort(key=lambda one: one[0])

    def is_neighbour(self, flow):
        sender = str(ipaddress.ip_address(flow[0][1].address(0)))
        return os.path.basename(self.old.get(sender, ("",))[0]) == "not.pcap"

    def flows(self):
        flows = collections.defaultdict(list)
        for when, packet in self.packets:
            flows[packet.flow()].append((when, packet))
        return flows

    def shuffled(self, seed):
        """Whose turn it is, is chance; what it says, is not."""
        flows = list(self.flows().values())
        turns = [flow for flow in flows for _ in flow]
        random.Random(seed).shuffle(turns)
        places = {id(flow): iter(flow) for flow in flows}
        return [(BEGIN + turn * 10, next(places[id(flow)])[1]) for turn, flow in enumerate(turns)]

    def cut(self, seed, tail):
        """Without the first packets of each flow, or (`tail`) without the last."""
        chance, kept = random.Random(seed), []
        for flow in self.flows().values():
            if len(flow) > 1 and (tail or not self.is_neighbour(flow)):
                at = chance.randrange(1, len(flow))
                kept += flow[:at] if tail else flow[at:]
        return sorted(kept, key=lambda one: one[0])

    def live(self):
        """Without flows that an interface cannot deliver as they were captured."""
        return [one for flow in self.flows().values() if all(
            packet.is_whole() and not packet.fragment for _, packet in flow) for one in flow]


def write(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, RAW))
        for when, packet in packets:
            file.write(struct.pack("<IIII", when // 1_000_000, when % 1_000_000, len(packet.data), packet.length))
            file.write(packet.data)


def send(path, interface, neighbour):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # another core's packets might overtake ours
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    address = bytes.fromhex(neighbour.replace(":", ""))
    for number, (_, packet) in enumerate(read(path)):
        kind = b"\x08\x00" if packet.version == 4 else b"\x86\xdd"
        wire.send(address + b"\x02\0\0\0\0\x01" + kind + packet.data)
        if number % 16 == 15:
            time.sleep(0.002)
    print(number + 1)


# ---- what waymark says ----

class Replay:
    def __init__(self, directory):
        self.directory = directory
        self.waymark = os.path.join(os.environ.get("WAYMARK_BUILD", os.path.join(HERE, "../../build")), "waymark")

    def __call__(self, paths, names=True, rule=None):
        """`names`: also those that flows have only because DNS told of them before."""
        conf = os.path.join(self.directory, "conf")
        with open(conf, "w") as file:
            file.write("rules_dir = [];\n")
            if rule:
                file.write(f'rules = ( {{ name = "asked"; match = {{ app = "{rule}"; }}; mark = 7; }} );\n')
        said = subprocess.run([self.waymark, "replay", "-c", conf, "--json", *paths], stdout=subprocess.PIPE, check=True)
        flows = [json.loads(line) for line in said.stdout.splitlines()]
        for flow in flows:
            if not names and flow["host_source"] == "dns-cache":
                flow["host"] = flow["host_source"] = None
        return flows


def key(flow, old=None):
    """Whose flow it is. `old`: the addresses are altered ones."""
    path, ends = flow["file"], []
    for side, port in (("src", "sport"), ("dst", "dport")):
        address = flow[side]
        if old and address in old:
            path, address = old[address]
        ends.append((address, flow[port]))
    return (path, flow["proto"], *ends)


def tuple_of(flow, old=None):
    path, proto, *ends = key(flow, old)
    return path, proto, frozenset(ends)


def story(flow):
    return {name: flow[name] for name in ("packets", "bytes", "app", "host", "host_source", "alpn")}


def truths():
    """What a flow of apps/ may be called, where that is more than one name."""
    for path in glob.glob(f"{HERE}/apps/*/truth"):
        with open(path) as file:
            for line in file:
                name, proto, src, sport, dst, dport, app = line.split()
                if "|" in app:
                    ends = [(src, sport), (dst, dport)]
                    yield ((os.path.join(os.path.dirname(path), name), proto,
                            frozenset((end, int(port) if port.isdigit() else None) for end, port in ends)),
                           app.split("|"))


def differences(one_by_one, together, old):
    """One line for each flow that is not the same; those of one tuple by their order."""
    wanted, seen = collections.defaultdict(list), collections.defaultdict(list)
    for flow in one_by_one:
        wanted[key(flow)].append(story(flow))
    for flow in together:
        seen[key(flow, old)].append(story(flow))
    for name in sorted(wanted.keys() | seen.keys(), key=str):
        if wanted[name] != seen[name]:
            yield f"{name}: {wanted[name]} alone, {seen[name]} here"
    for what in ("app", "host"):
        alone, here = (collections.Counter(flow[what] for flow in flows) for flows in (one_by_one, together))
        if alone != here:
            yield f"{what}s: {alone - here} alone, {here - alone} here"


class Contradictions:
    def __init__(self, replay, whole_path, whole, together):
        self.replay, self.whole_path, self.old, self.layers = replay, whole_path, together.old, {}
        self.packets = together.flows()
        self.apps, self.hosts = collections.defaultdict(set), collections.defaultdict(set)
        for flow in whole:
            self.apps[tuple_of(flow, self.old)].add(flow["app"])
            self.hosts[tuple_of(flow, self.old)].add(flow["host"])
        for who, apps in truths():
            self.apps[who].update(apps)

    def has_layer(self, app, flow):
        """A rule by app holds for every layer of a flow."""
        if app not in self.layers:
            self.layers[app] = {tuple_of(one, self.old) for one in self.replay([self.whole_path], rule=app)
                                if one["rule"]}
        return tuple_of(flow, self.old) in self.layers[app]

    def shows(self, host, flow):
        """In the clear, as text or as DNS writes it."""
        ends = sorted(((ipaddress.ip_address(flow[side]).packed, flow[port])
                       for side, port in (("src", "sport"), ("dst", "dport"))), key=lambda end: (end[0], end[1] or 0))
        wire = b"".join(bytes([len(label)]) + label.encode() for label in host.split("."))
        return any(name in bytes(packet.data).lower() for key, packets in self.packets.items() if [*key[1:]] == ends
                   for _, packet in packets for name in (host.encode(), wire))

    def __call__(self, flows):
        for flow in flows:
            who, app, host = tuple_of(flow, self.old), flow["app"], flow["host"]
            if app and app not in self.apps[who] and not self.has_layer(app, flow):
                yield f"{key(flow, self.old)}: {app}, the whole flow is {self.apps[who]}"
            if host and host not in self.hosts[who] and not self.shows(host, flow):
                yield f"{key(flow, self.old)}: named {host}, the whole flow {self.hosts[who]}"


# ---- the check ----

class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def case(self, name, complaints):
        complaints = list(complaints)
        self.number += 1
        self.failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {self.number} - {name}")
        for line in complaints[:40]:
            print(f"# {line}")
        sys.stdout.flush()


def check(paths):
    tap = Tap()
    together = Together(paths)
    with tempfile.TemporaryDirectory() as directory:
        replay = Replay(directory)

        def of(name, packets, **options):
            path = os.path.join(directory, name)
            write(path, packets)
            return replay([path], **options)

        alone = replay(paths)
        print(f"# {len(paths)} captures, {len(together.packets)} packets, {len(alone)} flows, "
              f"{sum(flow['app'] is not None for flow in alone)} known, "
              f"{sum(flow['host'] is not None for flow in alone)} named")
        tap.case("together each flow is what it is alone",
                 differences(alone, of("together", together.packets), together.old))
        alone = replay(paths, names=False)
        for seed in SEEDS:
            tap.case(f"shuffled each flow is what it is alone (seed {seed})",
                     differences(alone, of("shuffled", together.shuffled(seed), names=False), together.old))
        whole = os.path.join(directory, "whole")
        write(whole, together.packets)
        flows = replay([whole], names=False)
        contradictions = Contradictions(replay, whole, flows, together)
        for what, tail in (("first", False), ("last", True)):
            for seed in SEEDS:
                cut = of("cut", together.cut(seed, tail), names=False)
                tap.case(f"without its {what} packets no flow is taken for another (seed {seed})", contradictions(cut))
                print(f"# {len(cut)} flows, {sum(flow['app'] is not None for flow in cut)} known")
        # the check itself: where one flow is taken for another, both say so
        known = [flow for flow in flows if flow["app"]]
        wrong = {**known[0], "app": next(flow["app"] for flow in known if flow["app"] != known[0]["app"])}
        flows = [wrong if flow is known[0] else flow for flow in flows]
        tap.case("a flow that is not what it is alone is found",
                 [] if any(differences(alone, flows, together.old)) else ["it is not"])
        tap.case("a flow that is taken for another is found",
                 [] if any(contradictions(flows)) else ["it is not"])
    print(f"1..{tap.number}")
    return 1 if tap.failed else 0


def main(arguments):
    if arguments[:1] == ["check"]:
        return check(arguments[1:] or captures())
    if len(arguments) >= 2 and arguments[0] == "write" and arguments[2:] in ([], ["--live"]):
        together = Together(captures())
        packets = together.live() if arguments[2:] else together.packets
        write(arguments[1], sorted(packets, key=lambda one: one[0]))
        return 0
    if len(arguments) == 4 and arguments[0] == "send":
        send(*arguments[1:])
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
