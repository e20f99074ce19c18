# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/base/arena.c \
	src/base/diag.c \
	src/base/hash.c \
	src/base/ip.c \
	src/base/log.c \
	src/base/mark.c
UNIT_TESTS += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_LDADD = $(UNIT_LDADD)
