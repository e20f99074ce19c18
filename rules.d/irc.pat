# SPDX-License-Identifier: GPL-2.0-or-later
# IRC, RFC 1459 and 2812: the client registers with NICK and USER, in either order, with PASS or
# IRCv3's CAP before, whose first words are enough. The server greets with notices to nobody
# yet, or with numbers 001 to 005; later, a user's message has nick, user and host before its
# command.
irc
waymark strict=yes bytes=raw proto=tcp
^(((pass|cap) [^\x0d\x0a]{0,400}\x0d?\x0a){0,8}(nick [!-~]{1,100} ?\x0d?\x0a((pass|cap) [^\x0d\x0a]{0,400}\x0d?\x0a){0,4}user [!-~]{1,100} |user [!-~]{1,100} [^\x0d\x0a]{1,400}\x0d?\x0anick [!-~])|(:[!-~]{1,100} )?notice (auth|\*) :\*\*\*|:[!-~]{1,100} (00[1-5] [!-~]{1,60} :?[!-~]|notice [!-~]{1,60} :\*\*\* |cap [!-~]{1,60} (ls|ack|nak) )|cap ls 30[0-9]\x0d?\x0a|:[!-9;-~]{1,60}![!-~]{1,60}@[!-~]{1,100} (privmsg|join|part|quit|notice|nick|mode) )
