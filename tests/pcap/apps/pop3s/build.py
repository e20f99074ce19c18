# SPDX-License-Identifier: GPL-2.0-or-later
# IANA registers "pop3" (RFC 2595, RFC 8314).
from talk_alpn import build

build(__file__, "pop3s", b"pop3", 995)
