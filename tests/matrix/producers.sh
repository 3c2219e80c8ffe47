# SPDX-License-Identifier: MIT
# For tests/matrix.sh: who wrote the snapshot, and where the process ran.

# run_zoo DIR MODE COMMAND...: COMMAND (with the program's name, and more before it) in DIR, until its truth is complete
run_zoo() {
	local dir=$1 mode=$2
	shift 2
	rm -f "$dir/truth"
	(cd "$dir" && ulimit -c unlimited && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin GOMAXPROCS=3 GOTRACEBACK=crash "$@" \
		"$mode" truth - </dev/null >/dev/null 2>stderr) &
	pid=$!
	for i in $(seq 300); do
		[ "$(tail -n 1 "$dir/truth" 2>/dev/null)" = end ] && { sleep 0.3; return 0; }
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

# The program itself: COMMAND may have started it as a child, or a child's child.
inner() {
	local p=$pid c
	while c=$(pgrep -P "$p" | head -n 1) && [ -n "$c" ]; do p=$c; done
	echo "$p"
}

quit_zoo() { # DIR [SIGNAL]: the core that SIGQUIT makes. (C programs in the background of a shell ignore that one.)
	rm -f "$1"/core*
	kill -"${2:-QUIT}" "$(inner)"
	wait $pid 2>/dev/null
	core=$(ls "$1"/core* 2>/dev/null | head -n 1)
	[ -n "$core" ]
}

kernel_cores() {
	make_it kernel GO=$1 KINDS="crash quit abort" || { skip "kernel core" "$why"; return; }
	row right "kernel core of a nil dereference" $1 "$W/kernel/zoo.core.crash" "$W/kernel/zoo.core.crash.truth"
	row right "kernel core after SIGQUIT" $1 "$W/kernel/zoo.core.quit" "$W/kernel/zoo.core.quit.truth"
	row right "kernel core after SIGABRT" $1 "$W/kernel/zoo.core.abort" "$W/kernel/zoo.core.abort.truth"
	rm -rf "$W/kernel"
}

filtered_cores() {
	for f in 0x00 0x01 0x13 0x33 0x37 0x7f; do
		make_it filter GO=$1 KINDS=crash FILTER=$f || { skip "kernel core, coredump_filter $f" "$why"; continue; }
		want=right
		[ $f != 0x00 ] || want=refused
		row $want "kernel core, coredump_filter $f" $1 "$W/filter/zoo.core.crash" "$W/filter/zoo.core.crash.truth"
	done
	rm -rf "$W/filter"
}

debugger_cores() {
	have gcore || { skip "gcore" "gdb is not installed"; return; }
	make_it dbg GO=$1 KINDS=gcore || { skip "gcore" "$why"; return; }
	row right "gcore (gdb $(gdb --version | sed -n '1s/.* //p'))" $1 "$W/dbg/zoo.gcore" "$W/dbg/zoo.gcore.truth"
	make_it dbg GO=$1 KINDS=gcore FILTER=0x7f || return
	row right "gcore, coredump_filter 0x7f" $1 "$W/dbg/zoo.gcore" "$W/dbg/zoo.gcore.truth"
	rm -f "$W"/dbg/zoo.*
	have dlv || { skip "delve's dump" "dlv is not installed"; return; }
	run_zoo "$W/dbg" wait ./zoo || { skip "delve's dump" "the program did not start"; return; }
	printf 'dump %s\nexit\nn\n' "$W/dbg/dlv.core" > "$W/init"
	timeout 60 dlv attach $pid --init "$W/init" --allow-non-terminal-interactive=true </dev/null >"$W/dlv.log" 2>&1
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
	if [ -s "$W/dbg/dlv.core" ]; then
		row right "delve's dump" $1 "$W/dbg/dlv.core" "$W/dbg/truth"
		head -c 64 "$W/dbg/dlv.core" > "$W/dbg/dlv.cut"
		printf '\0\0\0\0\0\0\0\0' | dd of="$W/dbg/dlv.cut" bs=1 seek=32 conv=notrunc 2>/dev/null
		printf '\0\0' | dd of="$W/dbg/dlv.cut" bs=1 seek=56 conv=notrunc 2>/dev/null
		tail -c +65 "$W/dbg/dlv.core" >> "$W/dbg/dlv.cut"
		row refused "delve's dump, interrupted" $1 "$W/dbg/dlv.cut" -
	else
		skip "delve's dump" "$(tail -n 1 "$W/dlv.log")"
	fi
	rm -rf "$W/dbg"
}

# Segments by size rather than by address (core_sort_vma, Linux 6.14), for as long as one dump takes.
sorted_core() {
	s=/proc/sys/kernel/core_sort_vma
	[ -w $s ] || { skip "kernel core, core_sort_vma=1" "this kernel has no such switch, or root is needed"; return; }
	make_it sorted GO=$1 KINDS= || { skip "kernel core, core_sort_vma=1" "$why"; return; }
	run_zoo "$W/sorted" wait ./zoo || return
	was=$(cat $s)
	trap 'echo "$was" > $s; exit 1' INT TERM
	echo 1 > $s
	quit_zoo "$W/sorted"
	echo "$was" > $s
	trap - INT TERM
	row right "kernel core, core_sort_vma=1" $1 "$W/sorted/$(basename "$core")" "$W/sorted/truth"
	rm -rf "$W/sorted"
}

places() {
	make_it place GO=$1 KINDS= || { skip "other places" "$why"; return; }
	d=$W/place
	mkdir "$d/run"
	cp "$d/zoo" "$d/run/zoo"
	run_zoo "$d/run" wait ./zoo && rm "$d/run/zoo" && quit_zoo "$d/run"
	row right "executable deleted while it ran, given with --exe" $1 "$core" "$d/run/truth" -e "$d/zoo"
	row right "the same, found with --search" $1 "$core" "$d/run/truth" --search="$d"
	row labelled "the same, not found" $1 "$core" - --search=/nowhere
	rm -rf "$d/run"
	[ "$(id -u)" = 0 ] || { skip "chroot, namespaces" "root is needed"; return; }
	mkdir -p "$d/root/app"
	cp "$d/zoo" "$d/root/app/srv"
	if run_zoo "$d/root" wait chroot "$d/root" /app/srv && quit_zoo "$d/root"; then
		mv "$core" "$d/core"
		row right "chroot, --sysroot" $1 "$d/core" "$d/root/truth" --sysroot="$d/root"
	else
		skip "chroot, --sysroot" "$(tail -n 1 "$d/root/stderr")"
	fi
	mkdir "$d/ns"
	cp "$d/zoo" "$d/ns/zoo"
	# The shell is process 1 of the namespace: that one cannot dump core.
	if run_zoo "$d/ns" wait unshare -p -f sh -c './zoo "$@"; true' sh && quit_zoo "$d/ns"; then
		row right "pid namespace, kernel core" $1 "$core" "$d/ns/truth"
	else
		skip "pid namespace, kernel core" "$(tail -n 1 "$d/ns/stderr")"
	fi
	if have gcore && run_zoo "$d/ns" wait unshare -p -f sh -c './zoo "$@"; true' sh; then
		p=$(inner)
		gcore -o "$d/ns/snap" "$p" >/dev/null 2>&1
		kill -KILL "$p"
		wait $pid 2>/dev/null
		row right "pid namespace, gcore from outside of it" $1 "$d/ns/snap.$p" "$d/ns/truth"
	fi
	rm -rf "$d"
}

# More segments than 16 bits count: PN_XNUM, and no NT_FILE.
many_segments() {
	s=/proc/sys/vm/max_map_count
	[ -w $s ] || { skip "70000 mappings" "root is needed to raise vm.max_map_count"; return; }
	was=$(cat $s)
	[ "$was" -ge 200000 ] || echo 200000 > $s
	if make_it xnum GO=$1 PROGRAM=states KINDS="maps:dies"; then
		row right "70000 mappings (PN_XNUM)" $1 "$W/xnum/states.maps.dies" "$W/xnum/states.maps.dies.truth"
		head -c -64 "$W/xnum/states.maps.dies" > "$W/xnum/cut"
		row labelled "the same, without its last 64 bytes" $1 "$W/xnum/cut" "$W/xnum/states.maps.dies.truth"
	else
		skip "70000 mappings" "$why"
	fi
	echo "$was" > $s
	rm -rf "$W/xnum"
}

emulated() {
	have qemu-x86_64-static || { skip "qemu-user" "qemu-user-static is not installed"; return; }
	make_it qemu GO=$1 KINDS= || { skip "qemu-user" "$why"; return; }
	run_zoo "$W/qemu" panic qemu-x86_64-static ./zoo
	wait $pid 2>/dev/null
	guest=$(ls "$W"/qemu/qemu_*.core 2>/dev/null | head -n 1)
	host=$(ls "$W"/qemu/core* 2>/dev/null | head -n 1)
	if [ -n "$guest" ]; then
		row right "qemu-user, its core of the program" $1 "$guest" "$W/qemu/truth"
	else
		skip "qemu-user, its core of the program" "qemu wrote none"
	fi
	[ -z "$host" ] || row refused "qemu-user, the kernel's core of the emulator" $1 "$host" -
	rm -rf "$W/qemu"
}

packed() {
	have upx || { skip "packed with UPX" "upx is not installed"; return; }
	make_it upx GO=$1 KINDS= || { skip "packed with UPX" "$why"; return; }
	mkdir "$W/upx/run"
	upx -q -1 -o "$W/upx/run/zoo" "$W/upx/zoo" >/dev/null 2>&1
	if run_zoo "$W/upx/run" wait ./zoo && quit_zoo "$W/upx/run"; then
		row right "packed with UPX, the unpacked file given with --exe" $1 "$core" "$W/upx/run/truth" -e "$W/upx/zoo"
		row refused "packed with UPX, only the packed file" $1 "$core" -
	fi
	rm -rf "$W/upx"
}
