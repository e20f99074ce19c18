# SPDX-License-Identifier: GPL-2.0-or-later
# MSRP, RFC 4975, 9: the first line of a request or of a response.
msrp
waymark strict=yes bytes=raw
^msrp [a-z0-9][a-z0-9.+%=-]{3,31} ((send|report|auth|nickname)\x0d?\x0a|[1-6][0-9][0-9]( |\x0d?\x0a))
