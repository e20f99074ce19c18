# SPDX-License-Identifier: GPL-2.0-or-later
dist_man_MANS += \
	man/waymark-apps.7 \
	man/waymark.8 \
	man/waymarkd.8
