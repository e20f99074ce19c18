# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lab - what the benchmarks in bash share; sourced, not run.
#
#	. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"
#	bench_begin queue                 # $work, and a trap that takes everything away again
#	bench_router                      # clients ── lan ── router ── wan ── servers
#	round() { ... bench_note ns 4711; } # one measurement of kind $1
#	bench_rounds null full null-again # the kinds in turn, ROUNDS times after one that is discarded
#	bench_title 'CPU per packet' ns/packet
#	bench_row 'null loop' null ns --unit ns/packet
#	bench_row 'waymarkd' full ns --unit ns/packet --reference null --limit 1.05
#
# Kinds are interleaved, and every other round runs them backwards, so that neither what the
# machine does meanwhile nor what ran before falls on one of them alone. A ratio is that of the two medians,
# as the table shows them, or with --paired the median of the rounds' ratios: for a machine that is much slower
# for minutes at a time. The reference is best run twice a round, under two names: its ratio to itself is the noise.
# Names of namespaces carry the pid of the script; processes are ended by pid.

: "${WAYMARK_BUILD:?the build directory}" "${ROUNDS:=7}"
PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C
export LC_ALL

# the two sides of the router, and how each is reached from the other
BENCH_CLIENT4=10.9.1.2 BENCH_SERVER4=10.9.2.2
BENCH_LAN4=10.9.1.1 BENCH_WAN4=10.9.2.1

bench_die() {
	printf '%s: %s\n' "${bench_name:-bench}" "$*" >&2
	exit 1
}

# ---- life ----

bench_begin() { # NAME
	bench_name=$1
	((EUID == 0)) || bench_die 'network namespaces need root'
	work=$(mktemp -d)
	bench_id=wmb$$
	bench_namespaces=()
	declare -gA bench_pids=()
	trap bench_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

bench_end() {
	local name namespace
	for name in "${!bench_pids[@]}"; do bench_stop "$name" KILL; done
	for namespace in "${bench_namespaces[@]}"; do ip netns del "$namespace" 2>/dev/null || true; done
	rm -rf "$work"
}

# bench_await SECONDS COMMAND...: until the command holds. Asks often: what is awaited here takes milliseconds.
bench_await() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || bench_die "in vain: $*"
		read -rt 0.005 <> <(:) || true # a nap without a process
	done
}

# bench_spawn NAME COMMAND...: runs it beside us; its pid is ${bench_pids[NAME]}. What it says is in
# $work/NAME.log. In a namespace: bench_spawn NAME ip netns exec "$router" COMMAND...
bench_spawn() {
	local name=$1
	shift
	"$@" >"$work/$name.log" 2>&1 &
	bench_pids[$name]=$!
}

bench_alive() { # NAME
	kill -0 "${bench_pids[$1]:-0}" 2>/dev/null && [[ -n ${bench_pids[$1]:-} ]]
}

bench_stop() { # NAME [SIGNAL]
	local pid=${bench_pids[$1]:-}
	[[ -n $pid ]] || return 0
	unset "bench_pids[$1]"
	kill "-${2:-TERM}" "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

# ---- namespaces ----

# bench_namespace VARIABLE NAME: makes one, and puts its full name into the variable.
bench_namespace() {
	local namespace=$bench_id-$2
	ip netns add "$namespace"
	bench_namespaces+=("$namespace")
	ip -n "$namespace" link set lo up
	printf -v "$1" '%s' "$namespace"
}

# bench_link NAMESPACE DEVICE ADDRESS/LENGTH PEER-NAMESPACE PEER-DEVICE PEER-ADDRESS/LENGTH
bench_link() {
	ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
	ip -n "$1" addr add "$3" dev "$2"
	ip -n "$4" addr add "$6" dev "$5"
	ip -n "$1" link set dev "$2" up
	ip -n "$4" link set dev "$5" up
}

# $clients ── lan ── $router ── wan ── $servers
bench_router() {
	bench_namespace clients a
	bench_namespace router r
	bench_namespace servers b
	bench_link "$clients" eth0 $BENCH_CLIENT4/24 "$router" lan $BENCH_LAN4/24
	bench_link "$servers" eth0 $BENCH_SERVER4/24 "$router" wan $BENCH_WAN4/24
	ip -n "$clients" route add default via $BENCH_LAN4
	ip -n "$servers" route add default via $BENCH_WAN4
	on_router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# bench_lax NAMESPACE: an address may be reached by another link than the one it is heard on.
bench_lax() {
	# shellcheck disable=SC2016 # the inner shell's
	ip netns exec "$1" sh -c 'for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$file; done'
}

on_clients() { ip netns exec "$clients" "$@"; }
on_router() { ip netns exec "$router" "$@"; }
on_servers() { ip netns exec "$servers" "$@"; }

# ---- waymarkd ----

# The head of a configuration for the router above, on stdout: one uplink `up` with mark 1 and table 201, a control
# socket in $work, no rules_dir. What it says of firewall, routing and queue is the caller's, who adds the rules.
bench_conf() {
	mkdir -p "$work/none"
	cat <<-END
		control = { socket = "$work/socket"; };
		rules_dir = "$work/none";
		uplinks = ( { name = "up"; interface = "wan"; gateway = "$BENCH_SERVER4"; table = 201; mark = 1; } );
	END
}

# bench_waymarkd CONF [NAME]: starts it on the router, under the name waymarkd, and waits until it answers.
bench_waymarkd() {
	bench_spawn "${2:-waymarkd}" ip netns exec "$router" "${bench_wrap[@]}" "$WAYMARK_BUILD/waymarkd" -c "$1" --log-level error
	bench_await 60 bench_answers "$1" "${2:-waymarkd}"
}
bench_wrap=() # e.g. (taskset -c 1)

bench_answers() { # CONF NAME
	bench_alive "$2" || bench_die "$2 has ended: $(cat "$work/$2.log")"
	"$WAYMARK_BUILD/waymark" status -c "$1" >/dev/null 2>&1
}

# CPU that a process has used so far, all its threads, in ns: REPLY. Its sum is exact; which of it was
# the program's own and which the kernel's is what the ticks saw (bench_ticks).
bench_cpu() { # PID
	local file ns rest
	REPLY=0
	for file in /proc/"$1"/task/*/schedstat; do
		read -r ns rest <"$file" && REPLY=$((REPLY + ns))
	done
}

# Ticks in the program and in the kernel: REPLY, two numbers.
bench_ticks() { # PID
	local line fields
	read -r line </proc/"$1"/stat
	read -ra fields <<<"${line##*) }"
	REPLY="${fields[11]} ${fields[12]}"
}

# bench_queue NUMBER: what the kernel says of a queue of the router's: REPLY, "waiting dropped seen", empty if unbound.
# (Its columns: queue, port, waiting, copy mode, copy range, dropped, dropped by the socket, last id, 1.)
bench_queue() {
	local columns
	REPLY=
	while read -ra columns; do
		[[ ${columns[0]} != "$1" ]] || REPLY="${columns[2]} $((columns[5] + columns[6])) ${columns[7]}"
	done < <(on_router cat /proc/net/netfilter/nfnetlink_queue)
}

bench_queue_bound() { bench_queue "$1" && [[ -n $REPLY ]]; }
bench_queue_empty() { bench_queue "$1" && [[ $REPLY == '0 '* ]]; }

# ---- rounds and figures ----

# bench_rounds KIND...: calls `round KIND` for each, which measures and says bench_note KEY VALUE.
bench_rounds() {
	local bench_kinds=("$@") i
	: >"$work/notes"
	for ((bench_round = 0; bench_round <= ROUNDS; bench_round++)); do
		for i in "${!bench_kinds[@]}"; do
			((bench_round % 2 == 0)) || i=$((${#bench_kinds[@]} - 1 - i))
			bench_kind=${bench_kinds[i]}
			[[ -z ${BENCH_PROGRESS:-} ]] || printf '%s: round %d: %s\n' "$bench_name" "$bench_round" "$bench_kind" >&2
			round "$bench_kind"
		done
	done
}

# bench_note KEY VALUE: a figure of this round and kind. The first round's are discarded.
bench_note() {
	((bench_round == 0)) || printf '%s %s %s\n' "$bench_kind" "$1" "$2" >>"$work/notes"
}

# The median of the numbers on stdin, a line each; nothing of none.
bench_middle() {
	sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.6g", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# bench_median KIND KEY: REPLY, empty if nobody noted it.
bench_median() {
	REPLY=$(awk -v kind="$1" -v key="$2" '$1 == kind && $2 == key { print $3 }' "$work/notes" | bench_middle)
}

# bench_paired KIND REFERENCE[+AGAIN] KEY: REPLY, the median of what one is of the other in the same round; of a
# reference that ran twice, with both runs of the round.
bench_paired() {
	REPLY=$(awk -v kind="$1" -v reference="$2" -v key="$3" '
		BEGIN { count = split(reference, names, "+") }
		$2 == key { value[$1, ++seen[$1]] = $3 }
		END {
			for (i = 1; i <= seen[kind]; i++)
				for (n = 1; n <= count; n++)
					if (value[names[n], i] > 0) print value[kind, i] / value[names[n], i]
		}' "$work/notes" | bench_middle)
}

bench_title() { # TEXT UNIT [KEY...]: the head of a table; the keys are columns of their own
	local key
	printf '\n%-46s %12s %8s %8s' "$1" "$2" ratio limit
	for key in "${@:3}"; do printf ' %12s' "$key"; done
	printf '\n'
}

# bench_row LABEL KIND KEY [--unit U] [--reference KIND | --reference KIND[+AGAIN] --paired yes] [--limit MOST | --least LEAST] [--also KEY[=NAME]]...
# One line of the table, and one of $BENCH_JSON. The ratio is to the reference's median of the same key; the limit is
# of the ratio. --also adds further medians of the kind, as columns and as keys. A limit that does not hold is said, and
# makes bench_missed true: what that means for the exit code is the script's to say.
bench_row() {
	local label=$1 kind=$2 key=$3 unit= reference= limit= sense=limit ratio= ok= value also=() name json text paired=
	shift 3
	while (($#)); do
		case $1 in
		--unit) unit=$2 ;;
		--reference) reference=$2 ;;
		--paired) paired=$2 ;;
		--limit) limit=$2 sense=limit ;;
		--least) limit=$2 sense=least ;;
		--also) also+=("$2") ;;
		*) bench_die "bench_row: what is $1" ;;
		esac
		shift 2
	done
	bench_median "$kind" "$key"
	value=$REPLY
	[[ -n $value ]] || bench_die "$kind: nothing was measured"
	if [[ -n $reference && -n $paired ]]; then
		bench_paired "$kind" "$reference" "$key"
		ratio=$REPLY
	elif [[ -n $reference ]]; then
		bench_median "$reference" "$key"
		ratio=$(awk -v a="$value" -v b="$REPLY" 'BEGIN { printf "%.4f", b ? a / b : 0 }')
	fi
	if [[ -n $limit ]]; then
		ok=$(awk -v r="$ratio" -v l="$limit" -v s="$sense" 'BEGIN { print (s == "limit" ? r <= l : r >= l) ? "true" : "false" }')
		[[ $ok == true ]] || bench_missed=true
	fi
	printf '%-46s %12s %8s %8s' "$label" "$(bench_short "$value")" "${ratio:+$(printf %.3f "$ratio")}" "$limit"
	json="\"bench\":\"$bench_name\",\"row\":\"$label\",\"unit\":\"$unit\",\"median\":$value,\"rounds\":$ROUNDS"
	[[ -z $ratio ]] || json+=",\"ratio\":$ratio"
	[[ -z $limit ]] || json+=",\"$sense\":$limit,\"ok\":$ok"
	for text in "${also[@]}"; do
		name=${text#*=}
		bench_median "$kind" "${text%%=*}"
		printf ' %12s' "$(bench_short "$REPLY")"
		json+=",\"$name\":${REPLY:-null}"
	done
	[[ $ok != false ]] || printf '  missed'
	printf '\n'
	[[ -z ${BENCH_JSON:-} ]] || printf '{%s}\n' "$json" >>"$BENCH_JSON"
}
bench_missed=false

bench_short() { # as many digits as mean something
	[[ -z $1 ]] || awk -v v="$1" 'BEGIN { a = v < 0 ? -v : v; printf(a >= 100 ? "%.0f" : a >= 10 ? "%.1f" : "%.2f", v) }'
}
