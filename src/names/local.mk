# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/names/bucket.c \
	src/names/bucket.h \
	src/names/names.c
