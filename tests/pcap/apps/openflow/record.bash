# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: openvswitch-testcontroller, openvswitch-common
record() {
	is openflow tcp 6653
	serve ovs-testcontroller --overwrite-pidfile --pidfile="$work/pid" --unixctl="$work/ctl" ptcp:6653
	until_true listens tcp 6653
	on_client timeout 3 ovs-ofctl probe tcp:192.0.2.9:6653 || true
	on_client timeout 3 ovs-ofctl -O OpenFlow13 show tcp:192.0.2.9:6653 || true
}
