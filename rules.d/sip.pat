# SPDX-License-Identifier: GPL-2.0-or-later
# SIP, RFC 3261: a request line (methods also of RFC 3262, 3265, 3311, 3428, 3515, 3903,
# 6086) or a status line.
sip
^((invite|ack|bye|cancel|options|register|prack|subscribe|notify|update|message|refer|publish|info) (sips?|tel):[^ ]+ sip/2\.0|sip/2\.0 [1-6][0-9][0-9] )
