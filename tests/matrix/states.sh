# SPDX-License-Identifier: MIT
# For tests/matrix.sh: what the process was doing.

# state WANT KIND GO MODE:HOW NAME=VALUE...
state() {
	local want=$1 kind=$2 go=$3 how=$4
	shift 4
	case $how in *:gcore) have gcore || { skip "$kind" "gdb is not installed"; return; } ;; esac
	make_it state GO=$go PROGRAM=states KINDS=$how "$@" || { skip "$kind, go $go" "$why"; return; }
	set -- "$W/state/states.${how%:*}.${how#*:}"
	row $want "$kind" $go "$1" "$1.truth"
	rm -rf "$W/state"
}

states() {
	state right "100000 goroutines, gcore" $1 many:gcore
	state right "100000 goroutines, killed at once" $1 many:dies ENVIRON=DIE=1
	state close "collecting garbage, gcore" $1 mark:gcore
	state close "collecting garbage, SIGQUIT" $1 mark:quit
	state close "allocating in all threads, gcore" $1 malloc:gcore
	state close "allocating in all threads, SIGQUIT" $1 malloc:quit
	state close "marked, not yet swept" $1 unswept:dies
	state close "growing and shrinking stacks, gcore" $1 grow:gcore
	state close "growing and shrinking stacks, SIGQUIT" $1 grow:quit
	state right "stack overflow" $1 overflow:dies
	state close "concurrent map writes" $1 race:dies
	state right "deadlock" $1 deadlock:dies
	state right "fatal error: unlock of unlocked mutex" $1 throw:dies
	state right "out of memory" $1 oom:dies LIMIT=1500000
	state right "an object of 1 GiB" $1 huge:gcore
	state right "a map of a million entries" $1 bigmap:gcore
}
