# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/config/groups.c \
	src/config/habits.c \
	src/config/load.c \
	src/config/load.h \
	src/config/probes.c \
	src/config/tables.c \
	src/config/uplinks.c
dist_man_MANS += man/waymark.conf.5
UNIT_TESTS += tests/unit/test_config tests/unit/test_config_uplinks
tests_unit_test_config_SOURCES = tests/unit/test_config.c tests/unit/config_fixture.h
tests_unit_test_config_LDADD = $(UNIT_LDADD)
tests_unit_test_config_uplinks_SOURCES = \
	tests/unit/test_config_uplinks.c tests/unit/config_fixture.h
tests_unit_test_config_uplinks_LDADD = $(UNIT_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c
