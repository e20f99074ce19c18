# SPDX-License-Identifier: GPL-2.0-or-later
# FTP, RFC 959: the server greets with 220, in one line or several, and the client
# answers with USER, or with AUTH (RFC 4217) or FEAT (RFC 2389) before. Mail servers
# greet with 220 too; their clients answer with HELO or EHLO.
ftp
^220[ -][^\x0d\x0a]*(\x0d?\x0a[^\x0d\x0a]*)*\x0d?\x0a(user |auth (tls|ssl)|feat\x0d?\x0a)
