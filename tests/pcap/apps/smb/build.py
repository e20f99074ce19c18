# SPDX-License-Identifier: GPL-2.0-or-later
# MS-CIFS 2.2.3.1, MS-SMB2 2.1 and 2.2.1: SMB of every version is seen, and its framing, netbios, is
# what is shown. That `app = "smb"` matches it is tests/unit/test_inspect_smb's to say.
import struct
from talk import Captures


def framed(data):
    return struct.pack("!I", len(data)) + data


with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    for magic in (b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"):
        with c.tcp("netbios|smb", dport=445) as t:
            t.client(framed(magic + b"\x72" + bytes(60)))
    n = captures.file("not.pcap")
    with n.tcp(None, dport=445) as t:
        t.client(framed(b"\xfbSMB" + bytes(60)))
    with n.tcp(None, dport=445) as t:
        t.client(b"\1" + framed(b"\xfeSMB" + bytes(60))[1:])
    with n.tcp(None, dport=445) as t:
        t.client(framed(b"\xfeSMC" + bytes(60)))
