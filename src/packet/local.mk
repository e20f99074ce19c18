# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/packet/parse.c \
	src/packet/proto.c \
	src/packet/proto.h
UNIT_TESTS += tests/unit/test_packet
tests_unit_test_packet_SOURCES = tests/unit/test_packet.c
tests_unit_test_packet_LDADD = $(UNIT_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz_packet
tests_fuzz_fuzz_packet_SOURCES = tests/fuzz/fuzz_packet.c
