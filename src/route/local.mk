# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/route/diff.c \
	src/route/follow.c \
	src/route/foreign.c \
	src/route/judge.c \
	src/route/kernel.c \
	src/route/look.c \
	src/route/lookup.c \
	src/route/manager.c \
	src/route/message.c \
	src/route/monitor.c \
	src/route/plan.c \
	src/route/private.h \
	src/route/state.c \
	src/route/tables.c \
	src/route/text.c
UNIT_TESTS += tests/unit/test_route
tests_unit_test_route_SOURCES = tests/unit/test_route.c
tests_unit_test_route_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/unit/test_route_lookup
tests_unit_test_route_lookup_SOURCES = tests/unit/test_route_lookup.c
tests_unit_test_route_lookup_LDADD = $(UNIT_LDADD)
NETNS_TESTS += tests/netns/route.bats tests/netns/route-scale.bats tests/netns/route-storm.bats
# the route module alone, for tests/netns/route.bats
check_PROGRAMS += tests/tools/routectl
tests_tools_routectl_SOURCES = tests/tools/routectl.c
tests_tools_routectl_LDADD = $(UNIT_LDADD)
