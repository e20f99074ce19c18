# SPDX-License-Identifier: GPL-2.0-or-later
bin_PROGRAMS += waymark
waymark_SOURCES = \
	src/cli/ahead.c \
	src/cli/ahead.h \
	src/cli/apps.c \
	src/cli/ask.c \
	src/cli/capture.c \
	src/cli/capture.h \
	src/cli/check.c \
	src/cli/cli.h \
	src/cli/diff.c \
	src/cli/doctor.c \
	$(doctor_sources) \
	src/cli/explain.c \
	src/cli/explain.h \
	src/cli/explain_story.c \
	src/cli/explain_world.c \
	src/cli/firewall.c \
	src/cli/flow_line.c \
	src/cli/flow_line.h \
	src/cli/flows.c \
	src/cli/import_l7.c \
	src/cli/import_l7.h \
	src/cli/import_l7_corpus.c \
	src/cli/import_l7_files.c \
	src/cli/import_l7_rules.c \
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
waymark_LDADD = libwaymark.la $(WM_LIBS) $(ZLIB_LIBS)
# all of doctor but the command itself: its test judges machines that were made up
doctor_sources = \
	src/cli/doctor.h \
	src/cli/doctor_edit.c \
	src/cli/doctor_files.c \
	src/cli/doctor_files.h \
	src/cli/doctor_filter.c \
	src/cli/doctor_finding.c \
	src/cli/doctor_gather.c \
	src/cli/doctor_judge.c \
	src/cli/doctor_kernel.c \
	src/cli/doctor_links.c \
	src/cli/doctor_marks.c \
	src/cli/doctor_netlink.c \
	src/cli/doctor_nft.c \
	src/cli/doctor_rules.c \
	src/cli/doctor_system.c \
	src/cli/doctor_uplinks.c
UNIT_TESTS += tests/unit/test_doctor
tests_unit_test_doctor_SOURCES = tests/unit/test_doctor.c tests/unit/doctor_support.h $(doctor_sources)
tests_unit_test_doctor_LDADD = $(UNIT_LDADD) $(ZLIB_LIBS)
UNIT_TESTS += tests/unit/test_doctor_filter
tests_unit_test_doctor_filter_SOURCES = tests/unit/test_doctor_filter.c tests/unit/doctor_support.h $(doctor_sources)
tests_unit_test_doctor_filter_LDADD = $(UNIT_LDADD) $(ZLIB_LIBS)
UNIT_TESTS += tests/unit/test_doctor_lines
tests_unit_test_doctor_lines_SOURCES = tests/unit/test_doctor_lines.c tests/unit/doctor_support.h $(doctor_sources)
tests_unit_test_doctor_lines_LDADD = $(UNIT_LDADD) $(ZLIB_LIBS)
UNIT_TESTS += tests/unit/test_flow_line
tests_unit_test_flow_line_SOURCES = tests/unit/test_flow_line.c src/cli/capture.c src/cli/capture.h \
	src/cli/flow_line.c src/cli/flow_line.h src/cli/output.c src/cli/cli.h \
	src/cli/ahead.c src/cli/ahead.h
tests_unit_test_flow_line_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/unit/test_ahead
tests_unit_test_ahead_SOURCES = tests/unit/test_ahead.c src/cli/ahead.c src/cli/ahead.h
tests_unit_test_ahead_LDADD = $(UNIT_LDADD)
NETNS_TESTS += tests/cli.bats tests/import-l7.bats tests/policy-tools.bats tests/netns/explain.bats tests/netns/doctor.bats
