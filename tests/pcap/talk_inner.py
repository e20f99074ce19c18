# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets for the inside of tunnels: UDP between private addresses."""
import struct

from talk import checksum


def ip4(payload=b"\x9c\x40\0\x35\0\x0c\0\0test", total=None):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, total or 20 + len(payload), 1, 0, 64, 17, 0, b"\x0a\1\0\1", b"\x0a\1\0\2")
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(payload=b"\x9c\x40\0\x35\0\x0c\0\0test"):
    return struct.pack("!IHBB", 6 << 28, len(payload), 17, 64) + b"\xfd" + bytes(15) + b"\xfd" + bytes(15) + payload
