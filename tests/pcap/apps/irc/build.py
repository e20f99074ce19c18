# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 1459 4.1, RFC 2812 3.1 and 5.1; IRCv3 capability negotiation.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("irc", dport=6667) as t:
        t.client(b"NICK nobody\r\nUSER nobody 0 * :Nobody\r\n").server(b":irc.example.org 001 nobody :Welcome\r\n")
    with c.tcp("irc", dport=6668) as t:
        t.client(b"CAP LS 302\r\n").server(b":irc.example.org CAP * LS :sasl\r\n")
        t.client(b"PASS secret\r\nUSER nobody 0 * :Nobody\r\nNICK nobody\r\n")
    with c.tcp("irc", dport=6669) as t:
        t.server(b"NOTICE AUTH :*** Looking up your hostname\r\n").client(b"NICK nobody\r\n")
    with c.tcp("irc", dport=1160, midstream=True) as t:
        t.server(b":other!~o@192.0.2.3 PRIVMSG #test :hello\r\n")
    with c.tcp("irc", dport=1161, midstream=True) as t:
        t.server(b":irc.example.org 001 nobody :Welcome to the test\r\n")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=6667) as t:
        t.client(b"NICK nobody\r\nQUIT\r\n")
    with n.tcp(None, dport=6667) as t:
        t.client(b"USER nobody\r\nPASS secret\r\n")  # POP3, or FTP
    with n.tcp(None, dport=6667) as t:
        t.server(b":irc.example.org 900 nobody\r\n")
    with n.tcp("!irc", dport=21) as t:
        t.server(b"220 ready\r\n").client(b"USER nobody\r\n").server(b"331 go on\r\n").client(b"PASS secret\r\n")
