#!/bin/bash
# Builds a test program with one Go release and takes snapshots of it.
#
#   GO=1.24.13 PROGRAM=zoo OUT=dir testdata/gen.sh
#
# GO       release of Go, 1.17 ... 1.27 (a bare minor means the patch below)
# PROGRAM  zoo, leak, cgo, web or bench (bench is only built)
# VARIANT  plain (default), pie, nodwarf (-ldflags=-w), stripped
#          (-ldflags='-s -w'), full (-ldflags=-compressdwarf=false),
#          piestripped, cgo (zoo linked with cgo), cgopie
# KINDS    what to take, each from a run of its own:
#          gcore  of the waiting process
#          crash  kernel core of a nil dereference, GOTRACEBACK=crash
#          quit   kernel core after SIGQUIT, GOTRACEBACK=crash
#          abort  kernel core after the process sent itself SIGABRT
#          text   as crash, with the program's text and read-only data in the
#                 core (coredump_filter 0x37)
#          busy   as quit, with main running and goroutines that never ran (zoo)
#          spin   gcore with main running and goroutines that never ran (zoo)
#          gc     gcore while garbage is being collected (zoo): its lines about
#                 dead objects, the pool and the memory do not hold
#          MODE:gcore, MODE:quit, MODE:dies
#                 gcore of, SIGQUIT to, or the death of the program in that mode:
#                 PROGRAM.MODE.gcore, ...
#          default: "gcore crash quit"
#          More than one is separated by blanks.
# OUT      where the files go: PROGRAM, PROGRAM.gcore, PROGRAM.core.crash, ...
#          and with each snapshot its .truth and its .heapdump
# ARGS     further arguments for the program
# FLAGS    further arguments of go build: -race, -buildmode=..., -ldflags=...
# EXPERIMENT  GOEXPERIMENT of the build
# ENVIRON  further variables for the program, such as GODEBUG=gctrace=1
# FILTER   coredump_filter of the program, such as 0x13
# LIMIT    its address space in KiB (ulimit -v)
# GOARCH   the machine: amd64 (default), 386; with an emulator (package
#          qemu-user-static) also arm64, arm, s390x, ppc64, ppc64le, mips,
#          mipsle, mips64, mips64le, loong64, and riscv64 (QEMU 8 or newer:
#          older ones write no cores there). Emulated programs are dumped by
#          the emulator: kinds crash, quit, abort and busy.
# RUNDIR   where the program runs, so that no other path gets into the
#          snapshots (default /tmp/zoo)
#
# Needs: the go command, gdb (for gcore), leave to dump core, and
# /proc/sys/kernel/core_pattern to be a plain relative name such as "core".
set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${GO:=1.26}" "${PROGRAM:=zoo}" "${VARIANT:=plain}" "${KINDS:=gcore crash quit}"
: "${OUT:=snap/$GO}" "${ARGS:=}" "${RUNDIR:=/tmp/zoo}" "${GOARCH:=amd64}"
: "${FLAGS:=}" "${EXPERIMENT:=}" "${ENVIRON:=}" "${FILTER:=}" "${LIMIT:=}"

case $GO in
1.17) GO=1.17.13 ;;
1.18) GO=1.18.10 ;;
1.19) GO=1.19.13 ;;
1.20) GO=1.20.14 ;;
1.21) GO=1.21.13 ;;
1.22) GO=1.22.12 ;;
1.23) GO=1.23.12 ;;
1.24) GO=1.24.13 ;;
1.25) GO=1.25.11 ;;
1.26) GO=1.26.8 ;;
1.27) GO=1.27.3 ;;
esac
minor=$(echo "$GO" | cut -d. -f1,2)

ldflags= mode= cgo=0
case $VARIANT in
plain) ;;
pie) mode=-buildmode=pie ;;
nodwarf) ldflags=-w ;;
stripped) ldflags='-s -w' ;;
piestripped) mode=-buildmode=pie ldflags='-s -w' ;;
full) ldflags=-compressdwarf=false ;;
cgo) cgo=1 ;;
cgopie) cgo=1 mode=-buildmode=pie ;;
*) echo "gen.sh: no variant $VARIANT" >&2; exit 2 ;;
esac
[ "$PROGRAM" = cgo ] && cgo=1
case $FLAGS in *-race* | *-msan* | *-asan* | *linkmode=external* | *buildmode=*) cgo=1 ;; esac

die() { echo "gen.sh: $*" >&2; exit 1; }

case $GOARCH in
amd64|386) qemu= ;;
arm64) qemu=aarch64 ;;
mips64le) qemu=mips64el ;;
mipsle) qemu=mipsel ;;
loong64) qemu=loongarch64 ;;
arm|s390x|ppc64|ppc64le|mips|mips64|riscv64) qemu=$GOARCH ;;
*) die "no machine $GOARCH" ;;
esac
emulator=
if [ -n "$qemu" ]; then
	emulator=$(command -v "qemu-$qemu-static" || command -v "qemu-$qemu") || die "no emulator qemu-$qemu"
	case $KINDS in *gcore*|*spin*|*gc*|*text*) die "kinds of an emulated program: crash, quit, abort, busy" ;; esac
fi

# Build in a module that demands this very release, in a neutral directory:
# the language version and the defaults of GODEBUG follow from it. (Its path has
# a dot: go 1.19 takes a path without one for a part of the standard library.)
mkdir -p "$RUNDIR"
exec 9>"$RUNDIR/.lock"
flock 9
b=$RUNDIR/build
rm -rf "$b"
mkdir -p "$b"
cp "$here"/src/truth/*.go "$here/src/$PROGRAM"/* "$b/"
[ "$VARIANT" = cgo ] || [ "$VARIANT" = cgopie ] &&
	printf 'package main\n\n// The program does not need C, but is linked with it.\n\n// int zoo_nothing(void) { return 0; }\nimport "C"\n\nvar gCgo = int(C.zoo_nothing())\n' >"$b/withcgo.go"
printf 'module heapconv.test/%s\n\ngo %s\n' "$PROGRAM" "$minor" >"$b/go.mod"
(
	cd "$b"
	GOENV=off GOFLAGS= GOTOOLCHAIN=go$GO GOARCH=$GOARCH CGO_ENABLED=$cgo CGO_CFLAGS='-O1 -g0' CGO_LDFLAGS='-g0' \
		GOEXPERIMENT=$EXPERIMENT go build -trimpath $mode ${ldflags:+-ldflags="$ldflags"} $FLAGS -o "../$PROGRAM" .
)
rm -rf "$b"
mkdir -p "$OUT"
out=$(cd "$OUT" && pwd)
rm -f "$out/$PROGRAM" "$out/$PROGRAM".*
cp "$RUNDIR/$PROGRAM" "$out/$PROGRAM"
[ "$PROGRAM" = bench ] && exit 0

# The environment is part of a snapshot: it is set up from nothing.
clean() { env -i PATH=/usr/bin:/bin GOMAXPROCS=3 GOTRACEBACK=crash "$@"; }

start() { # MODE KIND [VAR=VALUE...]
	m=$1 k=$2
	shift 2
	rm -f "$RUNDIR"/{truth,heapdump,stderr} "$RUNDIR"/core* "$RUNDIR"/qemu_*.core
	(
		cd "$RUNDIR"
		ulimit -c unlimited
		[ $k = text ] && echo 0x37 >/proc/self/coredump_filter
		[ -n "$FILTER" ] && echo $FILTER >/proc/self/coredump_filter
		[ -n "$LIMIT" ] && ulimit -v $LIMIT
		[ -n "$emulator" ] && echo 0 >/proc/self/coredump_filter # the emulator dumps core itself, too
		exec env -i PATH=/usr/bin:/bin GOMAXPROCS=3 GOTRACEBACK=crash "$@" $ENVIRON \
			$emulator "./$PROGRAM" $m truth heapdump $ARGS </dev/null >/dev/null 2>stderr 9>&-
	) &
	pid=$!
}

wait_ready() {
	for i in $(seq 600); do
		[ "$(tail -n 1 "$RUNDIR/truth" 2>/dev/null)" = end ] && { sleep 0.3; return; }
		kill -0 $pid 2>/dev/null || { sed 10q "$RUNDIR/stderr" >&2; die "$PROGRAM ended early"; }
		sleep 0.1
	done
	die "$PROGRAM does not get ready"
}

keep() { # SNAPSHOT NAME
	[ -s "$1" ] || die "no snapshot for $2 (core_pattern, ulimit, gdb?)"
	[ -s "$RUNDIR/truth" ] || die "no truth for $2"
	cp --sparse=always "$1" "$out/$2"
	mv "$RUNDIR/truth" "$out/$2.truth"
	if [ -e "$RUNDIR/heapdump" ]; then mv "$RUNDIR/heapdump" "$out/$2.heapdump"; fi
	rm -f "$1"
}

stop() {
	kill -KILL $pid 2>/dev/null || true
	wait $pid 2>/dev/null || true
}

corefile() {
	# A runtime that has very many goroutines to print can hang in its crash handler.
	for i in $(seq 1200); do
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	stop
	if [ -n "$emulator" ]; then
		core=$(ls "$RUNDIR"/qemu_*.core 2>/dev/null | head -1)
		rm -f "$RUNDIR"/core*
		[ -n "$core" ] || die "no core: $emulator wrote none"
		return
	fi
	core=$(ls "$RUNDIR"/core* 2>/dev/null | head -1)
	[ -n "$core" ] || die "no core: core_pattern is $(cat /proc/sys/kernel/core_pattern)"
}

for kind in $KINDS; do
	case $kind in
	gcore)
		start wait gcore
		wait_ready
		(cd "$RUNDIR" && clean gcore -o "$RUNDIR/snap" $pid >/dev/null 2>&1) || true
		stop
		keep "$RUNDIR/snap.$pid" "$PROGRAM.gcore"
		;;
	spin)
		start spin spin GOMAXPROCS=1 GODEBUG=asyncpreemptoff=1
		wait_ready
		(cd "$RUNDIR" && clean gcore -o "$RUNDIR/snap" $pid >/dev/null 2>&1) || true
		stop
		keep "$RUNDIR/snap.$pid" "$PROGRAM.gcore.spin"
		;;
	gc)
		start gc gc
		wait_ready
		(cd "$RUNDIR" && clean gcore -o "$RUNDIR/snap" $pid >/dev/null 2>&1) || true
		stop
		keep "$RUNDIR/snap.$pid" "$PROGRAM.gcore.gc"
		;;
	crash)
		start panic crash
		corefile
		keep "$core" "$PROGRAM.core.crash"
		;;
	text)
		start panic text
		corefile
		keep "$core" "$PROGRAM.core.text"
		;;
	abort)
		start abort abort
		corefile
		keep "$core" "$PROGRAM.core.abort"
		;;
	quit)
		start wait quit
		wait_ready
		kill -QUIT $pid
		corefile
		keep "$core" "$PROGRAM.core.quit"
		;;
	*:gcore | *:quit | *:dies)
		m=${kind%:*}
		start $m ${kind#*:}
		case $kind in
		*:gcore)
			wait_ready
			(cd "$RUNDIR" && clean gcore -o "$RUNDIR/snap" $pid >/dev/null 2>&1) || true
			stop
			core=$RUNDIR/snap.$pid
			;;
		*:quit)
			wait_ready
			kill -QUIT $pid
			corefile
			;;
		*) corefile ;;
		esac
		keep "$core" "$PROGRAM.$m.${kind#*:}"
		;;
	busy)
		start spin busy GOMAXPROCS=1 GODEBUG=asyncpreemptoff=1
		wait_ready
		kill -QUIT $pid
		corefile
		keep "$core" "$PROGRAM.core.busy"
		;;
	*) die "no kind $kind" ;;
	esac
done
for f in truth heapdump; do # those of the first snapshot under the short name
	for k in gcore core.quit core.crash core.abort; do
		if [ -e "$out/$PROGRAM.$k.$f" ]; then
			ln -f "$out/$PROGRAM.$k.$f" "$out/$PROGRAM.$f"
			break
		fi
	done
done
ls -ls "$out"
