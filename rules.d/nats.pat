# SPDX-License-Identifier: GPL-2.0-or-later
# NATS (its client protocol): the server begins with INFO and an object that names it, the client
# answers with CONNECT and one of options; from the middle on, messages with their sizes.
nats
^(info \{[^\x0d\x0a]{0,4096}"(server_id|server_name|max_payload|auth_required)" ?:|connect \{[^\x0d\x0a]{0,4096}"(verbose|pedantic|lang|protocol|auth_token|tls_required)" ?:|(pub|hpub) [^ \x0d\x0a]+ ([^ \x0d\x0a]+ ){0,2}[0-9]+\x0d\x0a|h?msg [^ \x0d\x0a]+ [0-9]+ ([^ \x0d\x0a]+ ){0,2}[0-9]+\x0d\x0a)
waymark strict=yes proto=tcp bytes=raw
