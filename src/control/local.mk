# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/control/answer.c \
	src/control/client.c \
	src/control/private.h \
	src/control/server.c
UNIT_TESTS += tests/unit/test_control tests/unit/test_control_follow
tests_unit_test_control_SOURCES = tests/unit/test_control.c tests/unit/control_fixture.h
tests_unit_test_control_LDADD = $(UNIT_LDADD)
tests_unit_test_control_follow_SOURCES = \
	tests/unit/test_control_follow.c tests/unit/control_fixture.h
tests_unit_test_control_follow_LDADD = $(UNIT_LDADD)
