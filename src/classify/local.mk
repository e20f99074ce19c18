# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += src/classify/classify.c src/classify/decide.c
UNIT_TESTS += tests/unit/test_classify
tests_unit_test_classify_SOURCES = tests/unit/test_classify.c
tests_unit_test_classify_LDADD = $(UNIT_LDADD)
