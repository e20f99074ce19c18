# SPDX-License-Identifier: GPL-2.0-or-later
# MGCP, RFC 3435: a command line, which ends with the protocol's name and version, its verb one of
# 3.2.1.1's or an experimental one (X and three letters). An answer is a code and a transaction's
# number, as elsewhere; only one that creates a connection shows more: its identifier.
mgcp
waymark strict=yes bytes=raw
^((epcf|crcx|mdcx|dlcx|rqnt|ntfy|auep|aucx|rsip|mesg|x[a-z0-9]{3})[\x09 ]{1,4}[0-9]{1,9}[\x09 ]{1,4}[!-~]{1,256}[\x09 ]{1,4}mgcp[\x09 ]{1,4}[01]\.[0-9]|2[0-9][0-9] [0-9]{1,9}( ok)?[\x09 ]{0,4}\x0d?\x0ai: ?[0-9a-f]{1,32}\x0d?\x0a)
