# SPDX-License-Identifier: GPL-2.0-or-later
sbin_PROGRAMS += waymarkd
waymarkd_SOURCES = \
	src/daemon/connmarks.c \
	src/daemon/daemon.c \
	src/daemon/daemon.h \
	src/daemon/documents.c \
	src/daemon/hook.c \
	src/daemon/hook.h \
	src/daemon/main.c \
	src/daemon/names.c \
	src/daemon/network.c \
	src/daemon/order.c \
	src/daemon/order.h \
	src/daemon/queue_proc.c \
	src/daemon/reload.c \
	src/daemon/snapshot.c \
	src/daemon/uplinks.c \
	src/daemon/worker.c
waymarkd_LDADD = libwaymark.la $(WM_LIBS) $(NFCT_LIBS)
UNIT_TESTS += tests/unit/test_order
tests_unit_test_order_SOURCES = tests/unit/test_order.c src/daemon/order.c src/daemon/order.h
tests_unit_test_order_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/unit/test_hook
tests_unit_test_hook_SOURCES = \
	tests/unit/test_hook.c tests/unit/hook_fixture.h src/daemon/hook.c src/daemon/hook.h
tests_unit_test_hook_LDADD = $(UNIT_LDADD)
