# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 6120, 4.2: either side opens a stream.
from talk import Captures

OPEN = (b"<?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client' "
        b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
ANSWER = OPEN.replace(b"to=", b"id='1' from=") + b"<stream:features/>"

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("xmpp", dport=5222) as t:
        t.client(OPEN)
        t.server(ANSWER)
        t.client(b"<presence/>")
    with c.tcp("xmpp", dport=5269, src="2001:db8::2", dst="2001:db8:9::9") as t:
        t.client(OPEN.replace(b"jabber:client", b"jabber:server"))
        t.server(ANSWER.replace(b"jabber:client", b"jabber:server"))
        t.client(b"<message/>")
    n = captures.file("not.pcap")
    with n.tcp(None, dport=5222) as t:
        t.client(b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>")
        t.server(b"<html/>")
    with n.tcp(None, dport=5222) as t:  # a stream of nobody's
        t.client(OPEN.replace(b"jabber:client", b"urn:x").replace(b"etherx.jabber.org/streams", b"example.org/x"))
        t.server(b"<stream:error/>")
