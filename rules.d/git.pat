# SPDX-License-Identifier: GPL-2.0-or-later
# git's own transport (gitprotocol-pack, gitprotocol-v2): pkt-lines, four hexadecimal digits of length
# first. The client asks for a service and a path; the server answers with its version, or with
# the first reference, its object's name and, behind a NUL, what it can do.
git
waymark strict=yes proto=tcp bytes=raw first=1024
^(00[0-9a-f]{2}git-(upload-pack|receive-pack|upload-archive) [!-~]{1,200}\x00|000eversion [12]\x0a|00[0-9a-f]{2}[0-9a-f]{40}([0-9a-f]{24})? (head|refs/[!-~]{1,200}|capabilities\^\{\})\x00 ?[a-z_-]{3,30}[ =])
