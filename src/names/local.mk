# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/names/bucket.c \
	src/names/bucket.h \
	src/names/names.c
UNIT_TESTS += tests/unit/test_names tests/unit/test_names_stress
tests_unit_test_names_SOURCES = tests/unit/test_names.c
tests_unit_test_names_LDADD = $(UNIT_LDADD)
tests_unit_test_names_stress_SOURCES = tests/unit/test_names_stress.c
tests_unit_test_names_stress_LDADD = $(UNIT_LDADD)
