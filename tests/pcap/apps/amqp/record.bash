# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: python3-pika, python3-qpid-proton (1.0, both sides)
record() {
	is amqp tcp 5671
	is amqp tcp 5672
	serve /usr/bin/python3 -c 'import socket, time
l = socket.create_server(("192.0.2.9", 5671))
time.sleep(60)'
	cat >"$work/server.py" <<-'END'
		from proton.handlers import MessagingHandler
		from proton.reactor import Container
		class Server(MessagingHandler):
		    def on_start(self, event):
		        event.container.listen("192.0.2.9:5672")
		Container(Server()).run()
	END
	serve /usr/bin/python3 "$work/server.py"
	until_true listens tcp 5672
	until_true listens tcp 5671
	on_client timeout 5 /usr/bin/python3 -c 'from proton.utils import BlockingConnection
c = BlockingConnection("192.0.2.9:5672", timeout=3)
c.close()' >/dev/null 2>&1 || true
	on_client timeout 5 /usr/bin/python3 -c 'import pika
pika.BlockingConnection(pika.ConnectionParameters("192.0.2.9", 5671, blocked_connection_timeout=1, stack_timeout=2))' >/dev/null 2>&1 || true
}
