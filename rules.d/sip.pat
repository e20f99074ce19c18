# SPDX-License-Identifier: GPL-2.0-or-later
# SIP, RFC 3261: a request line (methods also of RFC 3262, 3265, 3311, 3428, 3515, 3903,
# 6086), of which the method and the scheme of its URI suffice where the URI is SIP's own, or a
# status line. Empty lines may come before (7.5).
sip
waymark strict=yes bytes=raw
^(\x0d?\x0a){0,4}((invite|ack|bye|cancel|options|register|prack|subscribe|notify|update|message|refer|publish|info) (sips?:[^\x00- ]|[a-z]{2,8}:[^\x00- ]{1,1000} sip/2\.0)|sip/2\.0 [1-6][0-9][0-9] )
