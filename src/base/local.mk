# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/base/arena.c \
	src/base/diag.c \
	src/base/hash.c \
	src/base/ip.c \
	src/base/log.c \
	src/base/mark.c \
	src/base/pages.c \
	src/base/pool.c
UNIT_TESTS += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/unit/test_pool
tests_unit_test_pool_SOURCES = tests/unit/test_pool.c
tests_unit_test_pool_LDADD = $(UNIT_LDADD)
