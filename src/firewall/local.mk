# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/firewall/apply.c \
	src/firewall/check.c \
	src/firewall/look.c \
	src/firewall/monitor.c \
	src/firewall/private.h \
	src/firewall/render.c \
	src/firewall/run.c \
	src/firewall/text.c
UNIT_TESTS += tests/unit/test_firewall
tests_unit_test_firewall_SOURCES = tests/unit/test_firewall.c
tests_unit_test_firewall_LDADD = $(UNIT_LDADD)
check_PROGRAMS += tests/tools/firewallctl tests/tools/nullverdict
tests_tools_firewallctl_SOURCES = tests/tools/firewallctl.c
tests_tools_firewallctl_LDADD = $(UNIT_LDADD)
tests_tools_nullverdict_SOURCES = tests/tools/nullverdict.c
tests_tools_nullverdict_LDADD = $(UNIT_LDADD)
NETNS_TESTS += tests/netns/firewall.bats
