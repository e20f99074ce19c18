# SPDX-License-Identifier: GPL-2.0-or-later
# IANA registers "imap" (RFC 2595, RFC 8314).
from talk_alpn import build

build(__file__, "imaps", b"imap", 993)
