# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/source/link.c \
	src/source/link.h \
	src/source/nfq.c \
	src/source/pcap.c \
	src/source/records.c \
	src/source/records.h
UNIT_TESTS += tests/unit/test_source_pcap
tests_unit_test_source_pcap_SOURCES = tests/unit/test_source_pcap.c
tests_unit_test_source_pcap_LDADD = $(UNIT_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz_pcap tests/fuzz/fuzz_records
tests_fuzz_fuzz_records_SOURCES = tests/fuzz/fuzz_records.c
tests_fuzz_fuzz_pcap_SOURCES = tests/fuzz/fuzz_pcap.c
