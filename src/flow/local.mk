# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/flow/bucket.h \
	src/flow/prefix.c \
	src/flow/table.c
UNIT_TESTS += tests/unit/test_flow tests/unit/test_prefix
tests_unit_test_flow_SOURCES = tests/unit/test_flow.c
tests_unit_test_flow_LDADD = $(UNIT_LDADD)
tests_unit_test_prefix_SOURCES = tests/unit/test_prefix.c
tests_unit_test_prefix_LDADD = $(UNIT_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz_prefix
tests_fuzz_fuzz_prefix_SOURCES = tests/fuzz/fuzz_prefix.c
