# SPDX-License-Identifier: GPL-2.0-or-later
# IANA registers "ftp" (RFC 959, RFC 4217).
from talk_alpn import build

build(__file__, "ftps", b"ftp", 990)
