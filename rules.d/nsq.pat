# SPDX-License-Identifier: GPL-2.0-or-later
# NSQ (its "TCP Protocol Spec"): the client begins with two blanks and the version, then a command.
nsq
^  v2(identify\x0a|sub [^ \x0d\x0a]+ [^ \x0d\x0a]+\x0a|m?pub [^ \x0d\x0a]+\x0a|dpub [^ \x0d\x0a]+ [0-9]+\x0a|auth\x0a|nop\x0a)
waymark strict=yes proto=tcp bytes=raw from=client
