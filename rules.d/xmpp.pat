# SPDX-License-Identifier: GPL-2.0-or-later
# XMPP, RFC 6120: the client opens a stream.
xmpp
^(<\?xml [^>]*\?>)?[\x09-\x0d ]*<stream:stream[^>]* xmlns=['"]jabber:(client|server)['"]
