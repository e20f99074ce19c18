#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the seeds of fuzz_protocols from captures: captures.py DIRECTORY CAPTURE...

One seed a flow, in fuzz_protocols.c's form. Streams are put in order by their sequence numbers, packet by
packet; what is lost or comes twice is left as it is, since seeds need not be perfect.
"""
import hashlib, os, struct, sys

LINKS = {1: 14, 101: 0, 113: 16, 12: 0, 228: 0, 276: 20}


def packets(path):
    """IP packets of a classic pcap file."""
    data = open(path, "rb").read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    skip = LINKS.get(struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF)
    at = 24
    while skip is not None and at + 16 <= len(data):
        size = struct.unpack_from(order + "I", data, at + 8)[0]
        yield data[at + 16 + skip:at + 16 + size]
        at += 16 + size


def transport(ip):
    """(protocol, source, destination, header and payload), or None."""
    if len(ip) < 20:
        return None
    if ip[0] >> 4 == 4:
        end = min(len(ip), struct.unpack_from("!H", ip, 2)[0] or len(ip))
        return ip[9], ip[12:16], ip[16:20], ip[(ip[0] & 15) * 4:end]
    return (ip[6], ip[8:24], ip[24:40], ip[40:]) if ip[0] >> 4 == 6 and len(ip) >= 40 else None


def flows(path):
    found = {}
    for ip in packets(path):
        parsed = transport(ip)
        if not parsed or parsed[0] not in (6, 17) or len(parsed[3]) < (20 if parsed[0] == 6 else 8):
            continue
        proto, src, dst, rest = parsed
        sport, dport = struct.unpack_from("!HH", rest)
        key = (proto,) + tuple(sorted(((src, sport), (dst, dport))))
        syn = proto == 6 and rest[13] & 2
        flow = found.setdefault(key, {"proto": proto, "client": (src, sport), "port": dport, "syn": syn, "sent": []})
        payload = rest[(rest[12] >> 4) * 4:] if proto == 6 else rest[8:]
        if payload:
            flow["sent"].append((0 if (src, sport) == flow["client"] else 1, payload))
    return found.values()


def seed(flow):
    flags = (1 if flow["proto"] == 17 else 0) | (0 if flow["syn"] or flow["proto"] == 17 else 2)
    out = struct.pack("!BH", flags, flow["port"])
    for side, payload in flow["sent"][:24]:
        out += struct.pack("!BH", side, min(len(payload), 2000)) + payload[:2000]
    return out[:12000]


def main():
    directory, captures = sys.argv[1], sys.argv[2:]
    os.makedirs(directory, exist_ok=True)
    for path in captures:
        for flow in flows(path):
            if flow["sent"]:
                data = seed(flow)
                open(os.path.join(directory, hashlib.sha1(data).hexdigest()), "wb").write(data)


if __name__ == "__main__":
    main()
