# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: mosquitto, mosquitto-clients
record() {
	is mqtt tcp 1883
	printf 'listener 1883 192.0.2.9\nallow_anonymous true\nuser nobody\n' >"$work/mosquitto.conf"
	chmod -R go+rX "$work"
	serve mosquitto -c "$work/mosquitto.conf"
	until_true listens tcp 1883
	on_client mosquitto_pub -h 192.0.2.9 -q 1 -r -t sensors/1 -m 21.5
	on_client mosquitto_sub -h 192.0.2.9 -V 5 -t 'sensors/#' -C 1 >/dev/null
	on_client mosquitto_pub -h 192.0.2.9 -V 31 -t sensors/1 -m 22
}
