# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/settings/scan.c \
	src/settings/scan.h \
	src/settings/settings.c
UNIT_TESTS += tests/unit/test_settings
tests_unit_test_settings_SOURCES = tests/unit/test_settings.c
tests_unit_test_settings_LDADD = $(UNIT_LDADD)
