# SPDX-License-Identifier: GPL-2.0-or-later
# Gnutella's transfers over HTTP, HUGE 0.94 and the push proxy proposal: a file by its hash, or
# what only another servent would be asked for. They are http first, and this is a layer on
# it, for rules that ask for it. The rest of the protocol has an inspector.
gnutella
waymark bytes=raw
^(get|head) /(uri-res/n2[rx]\?urn:(sha1|bitprint|tree:tiger|ttroot|ed2k):|gnutella/(push-proxy|tigertree|thex|metadata)[/?])
