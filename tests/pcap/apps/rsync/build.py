# SPDX-License-Identifier: GPL-2.0-or-later
# rsync's csprotocol.txt: greetings "@RSYNCD: <version>", the client's module, "@RSYNCD: OK".
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("rsync", dport=873) as t:
        t.server(b"@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\n")
        t.client(b"@RSYNCD: 31.0\n")
        t.client(b"files\n")
    with c.tcp("rsync", dport=8730, src="2001:db8::2", dst="2001:db8:9::9") as t:  # the client may come first
        t.client(b"@RSYNCD: 29\nfiles\n")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=873) as t:
        t.server(b"@RSYNCD 31.0\n")
    with n.tcp(None, dport=873) as t:
        t.server(b"@RSYNCD: OK\n")
    with n.tcp(None, dport=873) as t:
        t.client(b"see @RSYNCD: 31.0\n")
