# SPDX-License-Identifier: GPL-2.0-or-later
# IANA registers "dot" (RFC 7858).
from talk_alpn import build

build(__file__, "dot", b"dot", 853)
