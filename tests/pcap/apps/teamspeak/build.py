# SPDX-License-Identifier: GPL-2.0-or-later
# TeamSpeak 3's handshake and console; TeamSpeak 2's login, keepalives and console.
import struct
from talk import Captures

LOGIN = bytes.fromhex("f4be0300") + bytes(8) + struct.pack("<II", 1, 0x1a2b3c4d) + b"\x09TeamSpeak" + bytes(20)
IDS = struct.pack("<II", 0x00a1b2c3, 7)

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.udp("teamspeak", dport=9987) as t:
        t.client(b"TS3INIT1" + b"\0\x65\0\0\x88" + bytes(21))
        t.server(b"TS3INIT1" + b"\0\x65\x88\1" + bytes(20))
    with c.udp("teamspeak", dport=9987) as t:
        t.server(b"TS3INIT1" + b"\0\x65\x88\1" + bytes(20))
    with c.udp("teamspeak", dport=8767) as t:
        t.client(LOGIN)
        t.server(bytes.fromhex("f4be0400") + IDS + bytes(12))
    with c.udp("teamspeak", dport=8767) as t:  # from the middle
        for i in range(2):
            t.client(bytes.fromhex("f4be0100") + IDS + struct.pack("<II", 5 + i, 0x9988 + i))
    with c.tcp("teamspeak", dport=10011) as t:
        t.server(b"TS3\n\rWelcome to the TeamSpeak 3 ServerQuery interface, type \"help\" for a list of commands.\n\r")
        t.client(b"use sid=1\n")
    with c.tcp("teamspeak", dport=51234) as t:
        t.server(b"[TS]\r\n")
        t.client(b"ver\r\n")

    n = captures.file("not.pcap")
    with n.udp(None, dport=9987) as t:
        t.client(b"TS3INIT" + bytes(20))
    with n.udp(None, dport=8767) as t:  # a login that has a session
        t.client(bytes.fromhex("f4be0300") + IDS + bytes(20))
    with n.udp(None, dport=8767) as t:  # another session's
        t.client(bytes.fromhex("f4be0100") + IDS + bytes(8))
        t.client(bytes.fromhex("f4be0100") + IDS[::-1] + bytes(8))
    with n.tcp(None, dport=10011) as t:
        t.server(b"TS3\n\rGo away\n\r")
    with n.tcp(None, dport=51234) as t:
        t.server(b"[TS]\r\n")
        t.client(b"versatile\r\n")
    with n.tcp("!teamspeak", dport=51234) as t:
        t.client(b"TS3\n\rWelcome to the TeamSpeak")
