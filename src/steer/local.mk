# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/steer/state.c \
	src/steer/state.h \
	src/steer/steer.c \
	src/steer/sticky.c \
	src/steer/sticky.h
UNIT_TESTS += tests/unit/test_steer tests/unit/test_steer_threads
tests_unit_test_steer_SOURCES = tests/unit/test_steer.c tests/unit/steer_support.h
tests_unit_test_steer_LDADD = $(UNIT_LDADD)
tests_unit_test_steer_threads_SOURCES = tests/unit/test_steer_threads.c tests/unit/steer_support.h
tests_unit_test_steer_threads_LDADD = $(UNIT_LDADD)
