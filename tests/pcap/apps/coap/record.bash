# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: libcoap3-bin
record() {
	is coap udp 5683
	serve coap-server-openssl
	until_true listens udp 5683
	on_client coap-client-openssl -B 3 coap://192.0.2.9/.well-known/core
	on_client coap-client-openssl -B 3 coap://192.0.2.9/time
	on_client coap-client-openssl -B 3 -m put -e 1234 'coap://[2001:db8:9::9]/example_data'
	on_client coap-client-openssl -B 3 -N coap://192.0.2.9/a
}
