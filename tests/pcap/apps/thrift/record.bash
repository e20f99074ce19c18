# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: python3-thrift
record() {
	is thrift tcp 9090
	cat >"$work/talk.py" <<-'END'
		import sys
		from thrift.protocol.TBinaryProtocol import TBinaryProtocol
		from thrift.transport import TSocket, TTransport
		from thrift.Thrift import TMessageType
		if sys.argv[1] == "server":
		    listener = TSocket.TServerSocket("192.0.2.9", 9090)
		    listener.listen()
		    peer, kind = listener.accept(), TMessageType.REPLY
		else:
		    peer, kind = TSocket.TSocket("192.0.2.9", 9090), TMessageType.CALL
		    peer.open()
		framed = TTransport.TFramedTransport(peer)
		p = TBinaryProtocol(framed)
		if sys.argv[1] == "server":
		    p.readMessageBegin()
		p.writeMessageBegin("getUser", kind, 7)
		p.writeStructBegin("args")
		p.writeFieldStop()
		p.writeStructEnd()
		p.writeMessageEnd()
		framed.flush()
		if sys.argv[1] == "client":
		    p.readMessageBegin()
	END
	serve /usr/bin/python3 "$work/talk.py" server
	until_true listens tcp 9090
	on_client timeout 5 /usr/bin/python3 "$work/talk.py" client
}
