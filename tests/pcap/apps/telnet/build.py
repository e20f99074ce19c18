# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 854: IAC (255), WILL 251, WONT 252, DO 253, DONT 254, SB 250, SE 240; RFC 855. Options: RFC 857
# (1, echo), 858 (3, go ahead), 1091 (24, terminal type), 1073 (31, window), 1079 (32, speed).
from talk import Captures

WILL, WONT, DO, DONT = 251, 252, 253, 254


def iac(verb, option):
    return bytes([255, verb, option])


def sub(option, data):
    return bytes([255, 250, option]) + data + b"\xff\xf0"


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("telnet", dport=23) as t:  # the server begins
        t.server(iac(DO, 24) + iac(DO, 32) + iac(DO, 35))
        t.client(iac(WILL, 24) + iac(WILL, 32) + iac(WONT, 35))
        t.server(sub(24, b"\x01"))
        t.client(sub(24, b"\x00XTERM"))
        t.server(b"login: ")
    with c.tcp("telnet", dport=2323) as t:  # one each, and text behind it
        t.client(iac(DO, 3))
        t.server(iac(WILL, 3) + b"\r\nrouter login: ")
    with c.tcp("telnet", dport=23, src="2001:db8::2", dst="2001:db8:9::9") as t:  # one side seen
        t.server(iac(WILL, 1) + iac(WILL, 3) + b"Password: ")
    with c.tcp("telnet", dport=23) as t:  # the greeting comes first
        t.client(iac(DO, 3) + iac(WILL, 24) + iac(WILL, 31))
        t.server(b"welcome\r\nlogin: ")
    with c.tcp("telnet", dport=23, midstream=True) as t:
        t.server(sub(24, b"\x01") + iac(DONT, 34))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=23) as t:  # text alone is no evidence
        t.server(b"\r\nlogin: ")
        t.client(b"root\r\n")
    with n.tcp(None, dport=23) as t:  # an interrupt, as FTP sends it, and text
        t.client(b"\xff\xf4\xff\xf2ABOR\r\n")
        t.server(b"hello\r\n")
    with n.tcp(None, dport=23) as t:  # an MPEG audio frame: 0xff 0xfb, no option
        t.client(b"\xff\xfb\x90\x64\x00\x0f\xf0\x00" * 8)
    with n.tcp(None, dport=23) as t:  # text in UTF-16 with its mark
        t.client(b"\xff\xfe" + "<config/>\r\n".encode("utf-16-le"))
        t.server(b"\xff\xfe" + "<ok/>\r\n".encode("utf-16-le"))
    with n.tcp(None, dport=23) as t:  # one option, then text, and text
        t.client(iac(DO, 3) + b"ls\r\n")
        t.server(b"a b c\r\n")
