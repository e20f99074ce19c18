# SPDX-License-Identifier: GPL-2.0-or-later
bin_PROGRAMS += waymark
waymark_SOURCES = \
	src/cli/ask.c \
	src/cli/capture.c \
	src/cli/capture.h \
	src/cli/check.c \
	src/cli/cli.h \
	src/cli/diff.c \
	src/cli/explain.c \
	src/cli/explain.h \
	src/cli/explain_story.c \
	src/cli/explain_world.c \
	src/cli/firewall.c \
	src/cli/flows.c \
	src/cli/main.c \
	src/cli/monitor.c \
	src/cli/names.c \
	src/cli/options.c \
	src/cli/output.c \
	src/cli/packets.h \
	src/cli/reload.c \
	src/cli/replay.c \
	src/cli/rules.c \
	src/cli/stats.c \
	src/cli/status.c \
	src/cli/uplink.c \
	src/cli/uplinks.c
waymark_LDADD = libwaymark.la $(WM_LIBS)
NETNS_TESTS += tests/cli.bats tests/policy-tools.bats tests/netns/explain.bats
