# SPDX-License-Identifier: GPL-2.0-or-later
# Stratum, by which miners take work from a pool (BIP 310 and slush0's "Stratum mining protocol";
# Monero's "stratum-ss" as of xmrig; EIP-1571 and ethminer's eth-proxy): JSON objects, one a line, over
# TCP without anything before. The first one has a method of mining, or is a login or its
# answer with a job.
stratum
waymark strict=yes bytes=raw proto=tcp
^\x20{0,2}\{[^\x0a]{0,800}"(method" ?: ?"(mining\.(subscribe|authorize|notify|submit|configure|hello|ping|set_[a-z_]{4,20}|extranonce\.subscribe|suggest_[a-z]{5,12})|eth_(submitlogin|getwork|submitwork|submithashrate)|keepalived|login", ?"params" ?: ?\{ ?"login" ?: ?"|submit", ?"params" ?: ?\{[^\x0a\}]{0,200}"nonce" ?: ?"|job", ?"params" ?: ?\{[^\x0a\}]{0,600}"(blob|job_id)" ?: ?")|params" ?: ?\{ ?"login" ?: ?"[^\x0a]{0,400}"method" ?: ?"login"|result" ?: ?(\[\[{1,2}"mining\.|\{[^\x0a\{]{0,200}"job" ?: ?\{[^\x0a\}]{0,600}"blob" ?: ?"))
