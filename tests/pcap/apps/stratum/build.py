# SPDX-License-Identifier: GPL-2.0-or-later
# "Stratum mining protocol" (slush0), BIP 310, EIP-1571; Monero's as of xmrig; ethminer's eth-proxy.
from talk import Captures

with Captures(__file__) as captures:
    c = captures.file("in.pcap")
    with c.tcp("stratum", dport=3333) as t:
        t.client(b'{"id": 1, "method": "mining.subscribe", "params": ["test/1.0"]}\n')
        t.server(b'{"id":1,"result":[[["mining.set_difficulty","1"],["mining.notify","1"]],"08000002",4],"error":null}\n')
    with c.tcp("stratum", dport=1170, midstream=True) as t:
        t.server(b'{"id":1,"result":[[["mining.set_difficulty","1"],["mining.notify","1"]],"08000002",4],"error":null}\n')
    with c.tcp("stratum", dport=4444) as t:
        t.client(b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"4test","pass":"x","agent":"test/6.0"}}\n')
        t.server(b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"7","job":{"blob":"0e0e","job_id":"1","target":"b88d0600"},"status":"OK"}}\n')
    with c.tcp("stratum", dport=1171, midstream=True) as t:
        t.server(b'{"jsonrpc":"2.0","method":"job","params":{"blob":"0e0e","job_id":"2","target":"b88d0600"}}\n')
    with c.tcp("stratum", dport=8008) as t:
        t.client(b'{"worker": "eth1.0", "jsonrpc": "2.0", "params": ["0xtest", "x"], "id": 2, "method": "eth_submitLogin"}\n')
    with c.tcp("stratum", dport=5555) as t:
        t.client(b'{"params":{"login":"4test","pass":"x"},"id":1,"method":"login"}\n')
    n = captures.file("not.pcap")
    with n.tcp(None, dport=3333) as t:
        t.client(b'{"id": 1, "method": "login", "params": ["nobody"]}\n')
    with n.tcp(None, dport=3333) as t:
        t.client(b'{"jsonrpc": "2.0", "id": 1, "method": "getblocktemplate", "params": []}\n')
    with n.tcp(None, dport=3333) as t:
        t.client(b'["mining.subscribe"]\n')
    with n.tcp("!stratum", dport=80) as t:
        t.client(b'POST / HTTP/1.0\r\nContent-Length: 42\r\n\r\n{"id": 1, "method": "mining.subscribe"}\r\n\r\n')
