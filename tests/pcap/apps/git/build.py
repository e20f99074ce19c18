# SPDX-License-Identifier: GPL-2.0-or-later
# gitprotocol-pack: "git-proto-request", "Reference Discovery"; gitprotocol-v2: "Capability Advertisement".
from talk import Captures


def line(data):
    return b"%04x" % (4 + len(data)) + data


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("git", dport=9418) as t:
        t.client(line(b"git-upload-pack /project.git\0host=example.org\0\0version=2\0"))
        t.server(line(b"version 2\n") + line(b"agent=git/2.39.2\n") + b"0000")
    with c.tcp("git", dport=9419, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:  # only the server is seen
        t.server(line(b"7217a7c7e582c46cec22a130adf4b9d7d950fba0 HEAD\0multi_ack thin-pack side-band ofs-delta\n"))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=9418) as t:
        t.client(b"git-upload-pack /project.git\0host=example.org\0")
    with n.tcp(None, dport=9418) as t:
        t.client(line(b"git-unpack-all /project.git\0host=example.org\0"))
    with n.tcp(None, dport=9418) as t:  # a list of digests
        t.server(b"00447217a7c7e582c46cec22a130adf4b9d7d950fba0 refs/heads/main\n")
