# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/classify/classify.c \
	src/classify/decide.c \
	src/classify/dns_stream.c \
	src/classify/dns_stream.h \
	src/classify/dns_watch.c \
	src/classify/doubt.c \
	src/classify/doubt_json.c \
	src/classify/info.c \
	src/classify/info.h \
	src/classify/verdict.h
UNIT_TESTS += tests/unit/test_classify tests/unit/test_classify_info tests/unit/test_classify_names tests/unit/test_classify_steer \
	tests/unit/test_dns_watch tests/unit/test_doubt
tests_unit_test_classify_SOURCES = tests/unit/test_classify.c tests/unit/classify_support.h
tests_unit_test_classify_LDADD = $(UNIT_LDADD)
tests_unit_test_classify_info_SOURCES = tests/unit/test_classify_info.c
tests_unit_test_classify_info_LDADD = $(UNIT_LDADD)
tests_unit_test_classify_names_SOURCES = tests/unit/test_classify_names.c tests/unit/classify_support.h
tests_unit_test_classify_names_LDADD = $(UNIT_LDADD)
tests_unit_test_classify_steer_SOURCES = tests/unit/test_classify_steer.c tests/unit/classify_support.h
tests_unit_test_classify_steer_LDADD = $(UNIT_LDADD)
tests_unit_test_dns_watch_SOURCES = tests/unit/test_dns_watch.c tests/unit/dns_build.h
tests_unit_test_dns_watch_LDADD = $(UNIT_LDADD)
tests_unit_test_doubt_SOURCES = tests/unit/test_doubt.c tests/unit/classify_support.h
tests_unit_test_doubt_LDADD = $(UNIT_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz_dns_watch
tests_fuzz_fuzz_dns_watch_SOURCES = tests/fuzz/fuzz_dns_watch.c
