# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/route/diff.c \
	src/route/follow.c \
	src/route/foreign.c \
	src/route/health.c \
	src/route/health.h \
	src/route/judge.c \
	src/route/kernel.c \
	src/route/look.c \
	src/route/lookup.c \
	src/route/manager.c \
	src/route/message.c \
	src/route/monitor.c \
	src/route/plan.c \
	src/route/private.h \
	src/route/probe.c \
	src/route/probe_lookup.c \
	src/route/probe_private.h \
	src/route/probe_reason.c \
	src/route/probe_types.c \
	src/route/probe_wire.c \
	src/route/probe_wire.h \
	src/route/state.c \
	src/route/tables.c \
	src/route/text.c
UNIT_TESTS += tests/unit/test_route
tests_unit_test_route_SOURCES = tests/unit/test_route.c tests/unit/route_support.h
tests_unit_test_route_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/unit/test_route_diff
tests_unit_test_route_diff_SOURCES = tests/unit/test_route_diff.c tests/unit/route_support.h
tests_unit_test_route_diff_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/unit/test_route_follow
tests_unit_test_route_follow_SOURCES = tests/unit/test_route_follow.c tests/unit/route_support.h
tests_unit_test_route_follow_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/unit/test_route_lookup
tests_unit_test_route_lookup_SOURCES = tests/unit/test_route_lookup.c
tests_unit_test_route_lookup_LDADD = $(UNIT_LDADD)
NETNS_TESTS += tests/netns/route.bats tests/netns/route-scale.bats tests/netns/route-storm.bats
# the route module alone, for tests/netns/route.bats
check_PROGRAMS += tests/tools/routectl
tests_tools_routectl_SOURCES = tests/tools/routectl.c
tests_tools_routectl_LDADD = $(UNIT_LDADD)

# probes: the judgement in virtual time, the bytes, and the rounds on loopback
UNIT_TESTS += \
	tests/unit/test_health \
	tests/unit/test_probe \
	tests/unit/test_probe_lookup \
	tests/unit/test_probe_types \
	tests/unit/test_probe_wire
tests_unit_test_health_SOURCES = tests/unit/test_health.c
tests_unit_test_health_LDADD = $(UNIT_LDADD)
tests_unit_test_probe_wire_SOURCES = tests/unit/test_probe_wire.c
tests_unit_test_probe_wire_LDADD = $(UNIT_LDADD)
tests_unit_test_probe_SOURCES = tests/unit/test_probe.c tests/unit/probe_support.h
tests_unit_test_probe_LDADD = $(UNIT_LDADD)
tests_unit_test_probe_lookup_SOURCES = tests/unit/test_probe_lookup.c
tests_unit_test_probe_lookup_LDADD = $(UNIT_LDADD)
tests_unit_test_probe_types_SOURCES = tests/unit/test_probe_types.c tests/unit/probe_support.h
tests_unit_test_probe_types_LDADD = $(UNIT_LDADD)
NETNS_TESTS += tests/netns/probe.bats
# one prober alone, for tests/netns/probe.bats
check_PROGRAMS += tests/tools/probectl
tests_tools_probectl_SOURCES = tests/tools/probectl.c
tests_tools_probectl_LDADD = $(UNIT_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz_probe
tests_fuzz_fuzz_probe_SOURCES = tests/fuzz/fuzz_probe.c
