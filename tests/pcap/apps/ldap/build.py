# SPDX-License-Identifier: GPL-2.0-or-later
# RFC 4511: LDAPMessage ::= SEQUENCE { messageID, protocolOp, controls [0] }; the operations' tags and
# first elements: 4.2 to 4.14. MS-ADTS 6.3.3: a ping of a domain controller over UDP.
import struct
from talk import Captures


def tlv(tag, body, long=False):
    if long:  # as Microsoft's servers write lengths
        return bytes([tag, 0x84]) + struct.pack("!I", len(body)) + body
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    return bytes([tag, 0x82]) + struct.pack("!H", len(body)) + body


def text(value, tag=4):
    return tlv(tag, value.encode())


def number(value, tag=2):
    return tlv(tag, bytes([value]))


def message(identifier, tag, body, controls=b"", long=False):
    return tlv(0x30, number(identifier) + tlv(tag, body, long) + controls, long)


def search(base, scope, attribute="objectclass"):
    return (text(base) + number(scope, 10) + number(0, 10) + number(0) + number(0) + b"\x01\x01\x00" +
            text(attribute, 0x87) + tlv(0x30, text("netlogon")))


bind = message(1, 0x60, number(3) + text("cn=admin,dc=example,dc=org") + text("secret", 0x80))
bound = message(1, 0x61, number(0, 10) + text("") + text(""))
entry = message(2, 0x64, text("cn=a,dc=example,dc=org") + tlv(0x30, tlv(0x30, text("cn") + tlv(0x31, text("a")))), long=True)
done = message(2, 0x65, number(0, 10) + text("") + text(""), long=True)
starttls = message(1, 0x77, text("1.3.6.1.4.1.1466.20037", 0x80))

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("ldap", dport=389) as t:
        t.client(bind)
        t.server(bound)
        t.client(message(2, 0x63, search("dc=example,dc=org", 2)))
        t.server(entry + done)
        t.client(message(3, 0x42, b""))
    with c.tcp("ldap", dport=3268) as t:  # SASL, only the client seen
        t.client(message(7, 0x60, number(3) + text("") + tlv(0xa3, text("GSS-SPNEGO") + text("x" * 300)), long=True))
    with c.tcp("ldap", dport=389, src="2001:db8::2", dst="2001:db8:9::9", midstream=True) as t:
        t.server(entry)
    with c.tcp("ldap", dport=389) as t:  # StartTLS refused
        t.client(starttls)
        t.server(message(1, 0x78, number(2, 10) + text("") + text("no")))
        t.client(bind)
    with c.tcp("tls", dport=389) as t:  # and begun
        t.client(starttls)
        t.server(message(1, 0x78, number(0, 10) + text("") + text("")))
        body = b"\x03\x03" + bytes(range(32)) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
        hello = b"\x01" + struct.pack("!I", len(body))[1:] + body
        t.client(b"\x16\x03\x01" + struct.pack("!H", len(hello)) + hello)
    with c.udp("ldap", dport=389) as t:
        t.client(message(5, 0x63, search("", 0, "DnsDomain")))
        t.server(message(5, 0x64, text("") + tlv(0x30, tlv(0x30, text("netlogon") + tlv(0x31, text("x" * 90))))) +
                 message(5, 0x65, number(0, 10) + text("") + text("")))
    with c.udp("ldap", dport=4000) as t:  # a datagram that a snap length has cut
        whole = message(9, 0x63, search("", 0, "DnsDomain"))
        t.client(whole[:40], len(whole))
    n = captures.file("not.pcap")
    with n.tcp("!ldap", dport=389) as t:  # SNMP over TCP: a community where the operation stands
        t.client(tlv(0x30, number(1) + text("public") + tlv(0xa0, number(1) + number(0) + number(0) + tlv(0x30, b""))))
    with n.udp("!ldap", dport=389) as t:
        t.client(tlv(0x30, number(1) + text("public") + tlv(0xa0, number(1) + number(0) + number(0) + tlv(0x30, b""))))
    with n.udp(None, dport=389) as t:  # it ends beyond the datagram
        t.client(bind[:-3])
    with n.udp(None, dport=389) as t:  # something follows
        t.client(bind + b"\0\0\0\0")
    with n.tcp(None, dport=389) as t:  # version 9
        t.client(message(1, 0x60, number(9) + text("") + text("", 0x80)))
    with n.tcp(None, dport=389) as t:  # a certificate: a SEQUENCE of SEQUENCEs
        t.client(tlv(0x30, tlv(0x30, tlv(0xa0, number(2)) + number(1))))
    with n.tcp(None, dport=389) as t:
        t.client(b"0 text that begins with a zero\r\n")
