# SPDX-License-Identifier: GPL-2.0-or-later
# make bench: needs root, runs in network namespaces of its own, takes about two minutes
EXTRA_PROGRAMS = bench/nullqueue bench/flood bench/names bench/patterns bench/routes bench/sets bench/connections
bench_nullqueue_SOURCES = bench/nullqueue.c
bench_nullqueue_LDADD = $(NFQ_LIBS) $(MNL_LIBS)
bench_flood_SOURCES = bench/flood.c
bench_flood_LDADD =
bench_sets_SOURCES = bench/sets.c
bench_sets_LDADD = libwaymark.la $(WM_LIBS)
bench_patterns_SOURCES = bench/patterns.c tests/unit/pattern_support.h
bench_patterns_LDADD = libwaymark.la $(WM_LIBS)
bench_routes_SOURCES = bench/routes.c
bench_routes_LDADD = libwaymark.la $(WM_LIBS)
bench_names_SOURCES = bench/names.c
bench_names_LDADD = libwaymark.la $(WM_LIBS)
bench_connections_SOURCES = bench/connections.c
bench_connections_LDADD =
EXTRA_DIST += bench/queue bench/lab.bash bench/bulk bench/connect
CLEANFILES += $(EXTRA_PROGRAMS)
bench: $(EXTRA_PROGRAMS) $(sbin_PROGRAMS) $(bin_PROGRAMS)
	bench/sets
	bench/names
	bench/patterns
	bench/routes
	WAYMARK_BUILD='$(abs_top_builddir)' $(top_srcdir)/bench/queue
bench-patterns: bench/patterns
	bench/patterns
.PHONY: bench bench-patterns
