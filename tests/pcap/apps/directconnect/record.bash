# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: uhub
#
# A real ADC hub; the client's lines are written by hand.
record() {
	is directconnect tcp 1511
	printf 'server_bind_addr="any"\nserver_port=1511\n' >"$work/uhub.conf"
	serve uhub -c "$work/uhub.conf"
	until_true listens tcp 1511
	on_client timeout 10 bash -c '
		exec 3<>/dev/tcp/192.0.2.9/1511
		printf "HSUP ADBASE ADTIGR\n" >&3
		read -r -u 3 line
		read -r -u 3 line
		[[ $line == ISID* ]]'
}
