# SPDX-License-Identifier: GPL-2.0-or-later
# Megaco/H.248 in text, RFC 3525, annex B: the protocol's name, long or short, its version, the
# sender's identifier, then the first transaction, reply, acknowledgement or error; over TCP in a
# TPKT (annex D.1).
megaco
waymark strict=yes bytes=raw
^(\x03\x00..)?[\x09-\x0d ]{0,8}(megaco|!)/[1-9][0-9]?[\x09-\x0d ]{1,8}[!-~]{1,128}[\x09-\x0d ]{1,8}((transaction|t|reply|p|pending|pn)[\x09-\x0d ]{0,4}=[\x09-\x0d ]{0,4}[0-9]|(transactionresponseack|k)[\x09-\x0d ]{0,4}\{|(error|er)[\x09-\x0d ]{0,4}=)
