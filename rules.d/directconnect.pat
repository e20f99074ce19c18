# SPDX-License-Identifier: GPL-2.0-or-later
# Direct Connect: NMDC (nmdc.sourceforge.io, "NMDC Protocol": Lock and Key, MyNick between
# clients, search results) and ADC (adc.sourceforge.io, 5.3.1: SUP begins, with features of four
# characters).
directconnect
waymark strict=yes bytes=raw
^(\$lock [^|]{4,300} pk=[^|]{1,200}(\||$)|\$mynick [^|]{1,64}\|\$lock |(\$supports [^|]{1,300}\|)?\$key [^|]{2,400}\|\$validatenick |\$sr [!-~]{1,64} [^|\x05]{1,300}\x05[^|]{1,200}\x05[^|]{1,100}\(|[hci]sup (ad[a-z0-9]{4} ?){1,20}\x0a)
