# SPDX-License-Identifier: GPL-2.0-or-later
# BitTorrent's requests over HTTP, BEP 3 and 48: a tracker's announce or scrape, BEP 17's
# seeds. They are http first, and this is a layer on it, for rules that ask for it. The rest of
# the protocol has an inspector.
bittorrent
waymark bytes=raw
^get /([!->@-~]{0,200}(announce|scrape)[!->@-~]{0,60}|webseed)\?[!-~]{0,1000}info_hash=
