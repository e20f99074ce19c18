# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += src/policy/policy.c
