# SPDX-License-Identifier: GPL-2.0-or-later
# make bench: all of them, then bench/RESULTS. Needs root, runs in network namespaces of its own, takes half an hour.
#	make bench BENCH="queue flows"	only these
#	make bench ROUNDS=1		quick, and worth as little
# A benchmark is a program of its own or a script; its name goes to BENCHES, in the order in which they run.
BENCHES = sets names patterns routes
BENCHES += rules flows inspect
BENCHES += replay
BENCHES += queue scaling chains bulk connect
BENCH = $(BENCHES)

EXTRA_PROGRAMS = bench/sets
bench_sets_SOURCES = bench/sets.c bench/bench.h
bench_sets_LDADD = libwaymark.la $(WM_LIBS)
EXTRA_PROGRAMS += bench/rules
bench_rules_SOURCES = bench/rules.c bench/bench.h
bench_rules_LDADD = libwaymark.la $(WM_LIBS)
EXTRA_PROGRAMS += bench/names
bench_names_SOURCES = bench/names.c bench/bench.h
bench_names_LDADD = libwaymark.la $(WM_LIBS)
EXTRA_PROGRAMS += bench/patterns
bench_patterns_SOURCES = bench/patterns.c bench/bench.h tests/unit/pattern_support.h
bench_patterns_LDADD = libwaymark.la $(WM_LIBS)
EXTRA_PROGRAMS += bench/routes
bench_routes_SOURCES = bench/routes.c bench/bench.h
bench_routes_LDADD = libwaymark.la $(WM_LIBS)
EXTRA_PROGRAMS += bench/flows
bench_flows_SOURCES = bench/flows.c bench/world.h bench/bench.h
bench_flows_LDADD = libwaymark.la $(WM_LIBS)
EXTRA_PROGRAMS += bench/inspect
bench_inspect_SOURCES = bench/inspect.c bench/world.h bench/bench.h tests/unit/quic_build.h
bench_inspect_LDADD = libwaymark.la $(WM_LIBS)
# what the scripts run
EXTRA_PROGRAMS += bench/nullqueue bench/flood
bench_nullqueue_SOURCES = bench/nullqueue.c
bench_nullqueue_LDADD = $(NFQ_LIBS) $(MNL_LIBS)
bench_flood_SOURCES = bench/flood.c bench/bench.h
bench_flood_LDADD =
EXTRA_PROGRAMS += bench/turns
bench_turns_SOURCES = bench/turns.c bench/bench.h
bench_turns_LDADD =
EXTRA_PROGRAMS += bench/slices
bench_slices_SOURCES = bench/slices.c bench/bench.h
bench_slices_LDADD =
EXTRA_PROGRAMS += bench/manyflows
bench_manyflows_SOURCES = bench/manyflows.c
bench_manyflows_LDADD = libwaymark.la $(WM_LIBS)
EXTRA_PROGRAMS += bench/connections
bench_connections_SOURCES = bench/connections.c bench/bench.h
bench_connections_LDADD =
EXTRA_DIST += bench/lab.bash bench/row.bash bench/split.bash bench/all bench/report bench/queue bench/scaling bench/chains bench/bulk bench/connect
EXTRA_DIST += bench/replay

CLEANFILES += $(EXTRA_PROGRAMS)
bench: $(EXTRA_PROGRAMS) $(sbin_PROGRAMS) $(bin_PROGRAMS)
	WAYMARK_SRC='$(abs_top_srcdir)' WAYMARK_BUILD='$(abs_top_builddir)' BENCHES='$(BENCHES)' \
		$(top_srcdir)/bench/all $(BENCH)
bench-patterns: bench/patterns
	bench/patterns
.PHONY: bench bench-patterns
