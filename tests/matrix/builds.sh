# SPDX-License-Identifier: MIT
# For tests/matrix.sh: how the program was built and linked.

# built WANT KIND GO NAME=VALUE...
built() {
	local want=$1 kind=$2 go=$3
	shift 3
	make_it build GO=$go KINDS=quit "$@" || { skip "$kind, go $go" "$why"; return; }
	set -- "$W"/build/*.core.quit
	# The race detector makes sync.Pool drop a quarter of what is put into it.
	case $kind in -race*) sed -i '/gPool/d' "$1.truth" ;; esac
	row $want "$kind" $go "$1" "$1.truth"
	rm -rf "$W/build"
}

linkings() {
	built right "position independent" $1 VARIANT=pie
	built right "stripped (-s -w)" $1 VARIANT=stripped
	built right "stripped, position independent" $1 VARIANT=piestripped
	built right "no DWARF (-w)" $1 VARIANT=nodwarf
	built right "DWARF not compressed" $1 VARIANT=full
	built right "with cgo" $1 VARIANT=cgo
	built right "with cgo, position independent" $1 VARIANT=cgopie
	built right "goroutines in C, threads of C in Go" $1 PROGRAM=cgo
	built right "-linkmode=external" $1 FLAGS=-ldflags=-linkmode=external
	built right "-race" $1 FLAGS=-race
	built right "-race, stripped" $1 VARIANT=stripped FLAGS=-race
	have clang && built right "-msan" $1 FLAGS=-msan CC=clang ENVIRON=MSAN_OPTIONS=disable_coredump=0
	built labelled "-asan" $1 FLAGS=-asan ENVIRON=ASAN_OPTIONS=disable_coredump=0:detect_leaks=0
}

experiments() {
	built right "GODEBUG=madvdontneed=0" 1.26 ENVIRON=GODEBUG=madvdontneed=0
	built right "GOEXPERIMENT=nogreenteagc" 1.26 EXPERIMENT=nogreenteagc
	built right "GOEXPERIMENT=nogreenteagc, stripped" 1.26 EXPERIMENT=nogreenteagc VARIANT=stripped
	built right "GOEXPERIMENT=norandomizedheapbase64" 1.26 EXPERIMENT=norandomizedheapbase64
	built right "GOEXPERIMENT=greenteagc" 1.25 EXPERIMENT=greenteagc
	built right "GOEXPERIMENT=greenteagc, stripped" 1.25 EXPERIMENT=greenteagc VARIANT=stripped
	built right "GOEXPERIMENT=noswissmap" 1.24 EXPERIMENT=noswissmap
	built right "GOEXPERIMENT=noswissmap, stripped" 1.24 EXPERIMENT=noswissmap VARIANT=stripped
	built right "GOEXPERIMENT=noswissmap" 1.25 EXPERIMENT=noswissmap
	built right "GOEXPERIMENT=mapsplitgroup" 1.27 EXPERIMENT=mapsplitgroup
	built right "GOEXPERIMENT=mapsplitgroup, stripped" 1.27 EXPERIMENT=mapsplitgroup VARIANT=stripped
	built right "GOEXPERIMENT=nodwarf5" 1.27 EXPERIMENT=nodwarf5
	built right "GOEXPERIMENT=noallocheaders" 1.22 EXPERIMENT=noallocheaders
	built right "GOEXPERIMENT=noallocheaders, stripped" 1.22 EXPERIMENT=noallocheaders VARIANT=stripped
	built right "GOEXPERIMENT=runtimefreegc" 1.27 EXPERIMENT=runtimefreegc
	built right "GOEXPERIMENT=arenas, user arenas" 1.21 PROGRAM=arenas EXPERIMENT=arenas
	built right "GOEXPERIMENT=arenas, user arenas" 1.26 PROGRAM=arenas EXPERIMENT=arenas
	built right "GOEXPERIMENT=arenas, user arenas, stripped" 1.26 PROGRAM=arenas EXPERIMENT=arenas VARIANT=stripped
}

releases() {
	for go in 1.17 1.18 1.19 1.20 1.21 1.22 1.23 1.24 1.25 1.26 1.27; do
		built right "kernel core after SIGQUIT" $go
		built right "the same, stripped" $go VARIANT=stripped
	done
}

# source DIR PROGRAM RELEASE: the program's source as a module of its own
source_of() {
	rm -rf "$W/$1"
	mkdir -p "$W/$1"
	cp -r testdata/src/"$2"/* "$W/$1/"
	cp testdata/src/truth/*.go "$W/$1/"
	printf 'module heapconv.test/%s\n\ngo %s\n' "$2" "$3" > "$W/$1/go.mod"
}
# In that directory: go COMMAND, of that release
go_in() { # DIR RELEASE ARGUMENT...
	local d=$1 release=$2
	shift 2
	tool=$(sed -n "s/^$release) GO=\(.*\) ;;/\1/p" testdata/gen.sh)
	(cd "$W/$d" && GOENV=off GOFLAGS= GOTOOLCHAIN=go${tool:-$release} go "$@" > "$W/go.log" 2>&1) && return 0
	why=$(tail -n 1 "$W/go.log" | cut -c 1-120)
	return 1
}

modules() {
	if source_of plug plugin $1 && go_in plug $1 build -trimpath -o plugin . &&
		go_in plug $1 build -trimpath -buildmode=plugin -o plug.so ./plug; then
		run_zoo "$W/plug" wait ./plugin && quit_zoo "$W/plug"
		row right "a plugin (-buildmode=plugin)" $1 "$core" "$W/plug/truth"
		mkdir "$W/plug/elsewhere"
		mv "$W/plug/plug.so" "$W/plug/elsewhere"
		row labelled "the same, the plugin's file gone" $1 "$core" "$W/plug/truth"
		row right "the same, found with --search" $1 "$core" "$W/plug/truth" --search="$W/plug/elsewhere"
	else
		skip "a plugin" "$why"
	fi
	for mode in c-archive c-shared; do
		lib=libembedded.so
		[ $mode = c-shared ] || lib=embedded.a
		if source_of emb embedded $1 && go_in emb $1 build -trimpath -buildmode=$mode -o $lib . &&
			(cd "$W/emb" && ${CC:-cc} -xc -o prog main.c.txt -xnone $lib -lpthread -Wl,-rpath,. > "$W/go.log" 2>&1); then
			run_zoo "$W/emb" wait ./prog && quit_zoo "$W/emb" ABRT
			row right "Go in a C program (-buildmode=$mode)" $1 "$core" "$W/emb/truth"
		else
			skip "Go in a C program (-buildmode=$mode)" "${why:-$(tail -n 1 "$W/go.log")}"
		fi
	done
	if source_of bubble bubble $1 && go_in bubble $1 test -c -trimpath -o bubble.test .; then
		run_zoo "$W/bubble" wait env TRUTH=truth ./bubble.test && quit_zoo "$W/bubble"
		row right "a test binary, testing/synctest" $1 "$core" "$W/bubble/truth"
	else
		skip "a test binary, testing/synctest" "$why"
	fi
	rm -rf "$W/plug" "$W/emb" "$W/bubble"
}
