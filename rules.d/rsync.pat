# SPDX-License-Identifier: GPL-2.0-or-later
# rsync's daemon (rsync's csprotocol.txt): both sides begin with "@RSYNCD: " and a version, the server
# with the digests that it knows behind it, perhaps; a server that refuses says "@ERROR" instead.
rsync
waymark strict=yes proto=tcp bytes=raw first=256
^@rsyncd: [0-9]{1,3}(\.[0-9]{1,3})?( [a-z0-9 ]{1,200})?\x0a
