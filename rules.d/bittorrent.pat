# SPDX-License-Identifier: GPL-2.0-or-later
# BitTorrent, BEP 3: the handshake of the peer protocol, byte 19 and its name; tracker
# requests over HTTP; BEP 5: queries and answers of the distributed hash table (bencoded
# dictionaries, whose keys stand in sorted order).
bittorrent
^(\x13bittorrent protocol|get /(announce|scrape)\?[^ ]*info_hash=|d1:(a|r)d2:id20:)
