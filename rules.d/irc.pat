# SPDX-License-Identifier: GPL-2.0-or-later
# IRC, RFC 1459 and 2812: the client registers with NICK and USER, in either order,
# with PASS or IRCv3's CAP before.
irc
^((pass|cap) [^\x0d\x0a]*\x0d?\x0a)*(nick [^\x0d\x0a]+\x0d?\x0auser |user [^\x0d\x0a]+\x0d?\x0anick )
