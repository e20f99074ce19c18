# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/steer/state.c \
	src/steer/state.h \
	src/steer/steer.c \
	src/steer/sticky.c \
	src/steer/sticky.h
