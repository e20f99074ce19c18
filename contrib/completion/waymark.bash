# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for waymark; install as share/bash-completion/completions/waymark

_waymark()
{
	local commands='check replay diff explain doctor import-l7 status uplinks uplink rules flows names stats monitor reload firewall'
	local common='-c --socket --help --version'
	local word="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}"
	local command='' i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "${COMP_WORDS[i]}" in
		-c | --config | --socket) ((i++)) ;;
		-*) ;;
		*)
			command="${COMP_WORDS[i]}"
			break
			;;
		esac
	done

	case "$previous" in
	-c | --config | --socket)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--proto)
		mapfile -t COMPREPLY < <(compgen -W 'tcp udp icmp icmpv6 sctp' -- "$word")
		return
		;;
	--hook)
		mapfile -t COMPREPLY < <(compgen -W 'forward output' -- "$word")
		return
		;;
	--src | --dst | --sport | --dport | --host | --dscp | --app | --rule | --uplink | --limit | --iface-in | --name | --address | --client)
		return
		;;
	esac

	local words=''
	case "$command" in
	'') words="$commands $common" ;;
	check | reload) words="$common" ;;
	doctor | status | rules | stats | monitor) words="--json $common" ;;
	uplinks) words="--plan --json $common" ;;
	uplink) words="up down auto --json $common" ;;
	flows) words="--proto --src --dst --dport --app --host --rule --uplink --limit --json $common" ;;
	names) words="--name --address --client --limit --json $common" ;;
	explain)
		words="--src --dst --proto --sport --dport --host --app --alpn --dscp --ttl --length --mark"
		words="$words --uid --gid --iface-in --iface-out --hook --older --no-daemon --json $common"
		;;
	import-l7)
		if [[ $word != -* ]]; then
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -d -- "$word")
			return
		fi
		words="--config --json $common"
		;;
	firewall) words="show apply check remove -4 -6 $common" ;;
	replay | diff)
		if [[ $word != -* ]]; then
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
		fi
		words="--json $common"
		[[ $command != replay ]] || words="--packets $words"
		[[ $command != diff ]] || words="--summary $words"
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _waymark waymark
