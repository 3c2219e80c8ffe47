# SPDX-License-Identifier: MIT
# For tests/matrix.sh: what became of the files: split, compressed, cut, and those that are no snapshot.

# LEVEL NAME RELEASE OPTION...: with the executable in its new state, not the one that ran, which is still in its place
split_row() {
	local wanted=$1 name=$2 go=$3
	shift 3
	row right "$name" $go "$c" "$c.truth" -e "$d/zoo" "$@"
	[ "$level" = $wanted ] && pass "$name: $wanted" || flunk "$name: $wanted" "$level"
}

split_files() {
	section "Debug information in a file of its own" "The executable is stripped; the core is of the same run throughout."
	make_it split GO=$1 KINDS=quit || { skip "debug files" "$why"; return; }
	d=$W/split
	c=$d/zoo.core.quit
	cp "$d/zoo" "$d/whole"
	objcopy --strip-all "$d/whole" "$d/zoo"
	split_row L2 "stripped by objcopy, no debug file" $1
	objcopy --only-keep-debug "$d/whole" "$d/zoo.debug"
	split_row L0 "objcopy --only-keep-debug, --debug-file" $1 --debug-file="$d/zoo.debug"
	(cd "$d" && objcopy --add-gnu-debuglink=zoo.debug zoo)
	split_row L0 "objcopy, found by .gnu_debuglink" $1
	rm "$d/zoo.debug"
	objcopy --only-keep-debug "$d/whole" "$d/kept"
	id=$(readelf -n "$d/whole" 2>/dev/null | sed -n 's/.*Build ID: *//p')
	mkdir -p "$d/cache/$id" "$d/root/usr/lib/debug/.build-id/$(echo "$id" | cut -c 1-2)"
	cp "$d/kept" "$d/root/usr/lib/debug/.build-id/$(echo "$id" | cut -c 1-2)/$(echo "$id" | cut -c 3-).debug"
	split_row L0 "found by build id below --sysroot" $1 --sysroot="$d/root"
	rm -r "$d/root"
	cp "$d/kept" "$d/cache/$id/debuginfo"
	export DEBUGINFOD_CACHE_PATH=$d/cache
	split_row L0 "found in debuginfod's cache" $1
	unset DEBUGINFOD_CACHE_PATH
	rm -r "$d/cache"
	if have eu-strip; then
		eu-strip -f "$d/eu.debug" -o "$d/zoo" "$d/whole"
		split_row L0 "eu-strip -f, found by .gnu_debuglink" $1
	fi
	rm -rf "$d"
}

compressed() {
	section "Compressed" "The stream whole, and with its last tenth cut off."
	make_it comp GO=$1 KINDS=quit || { skip "compressed" "$why"; return; }
	d=$W/comp
	c=$d/zoo.core.quit
	for m in gzip zstd xz lz4 bzip2; do
		have $m || { skip "$m" "$m is not installed"; continue; }
		$m -1 -c "$c" > "$d/core.$m" 2>/dev/null
		row right "$m" $1 "$d/core.$m" "$c.truth" -e "$d/zoo"
		head -c $(($(wc -c < "$d/core.$m") * 9 / 10)) "$d/core.$m" > "$d/cut.$m"
		row labelled "$m, cut" $1 "$d/cut.$m" "$c.truth" -e "$d/zoo"
	done
	# As systemd-coredump stores it: the name of the executable is an attribute of the file.
	if have setfattr && zstd -q -1 -o "$d/core.zoo.zst" "$c" && mv "$d/zoo" "$d/elsewhere" &&
		setfattr -n user.coredump.exe -v "$d/elsewhere" "$d/core.zoo.zst" 2>/dev/null; then
		row right "systemd-coredump's .zst, executable by its attribute" $1 "$d/core.zoo.zst" "$c.truth"
	fi
	rm -rf "$d"
}

damaged() {
	section "Cut, and with holes" "The first part of a core, as \`ulimit -c\`, systemd's limit and full disks leave it."
	for go in 1.20 $1; do
		make_it cut GO=$go KINDS=quit || { skip "cut, go $go" "$why"; continue; }
		d=$W/cut
		c=$d/zoo.core.quit
		size=$(wc -c < "$c")
		for part in 99 90 50 15 5 1; do
			cp --sparse=always "$c" "$d/part"
			truncate -s $((size * part / 100)) "$d/part"
			row labelled "the first $part % of the core" $go "$d/part" "$c.truth"
		done
		head -c 2000 "$c" > "$d/part"
		row refused "the first 2000 bytes of the core" $go "$d/part" -
		rm -f "$d"/part
		for blocks in 8 2500; do
			rm -f "$d"/core*
			(cd "$d" && ulimit -c $blocks && env -i GOMAXPROCS=3 GOTRACEBACK=crash ./zoo panic truth - >/dev/null 2>&1) 2>/dev/null
			core=$(ls "$d"/core* 2>/dev/null | head -n 1)
			[ -z "$core" ] || row $([ $blocks = 8 ] && echo refused || echo labelled) "ulimit -c $blocks" $go "$core" \
				$([ $blocks = 8 ] && echo - || echo "$d/truth")
		done
		rm -rf "$d"
	done
	make_it cut GO=$1 KINDS=quit VARIANT=stripped || return
	c=$W/cut/zoo.core.quit
	truncate -s $(($(wc -c < "$c") * 9 / 10)) "$c"
	row refused "the first 90 % of the core, executable stripped" $1 "$c" -
	have gcore && make_it cut GO=$1 KINDS=gcore || return
	c=$W/cut/zoo.gcore
	truncate -s $(($(wc -c < "$c") * 9 / 10)) "$c"
	row refused "the first 90 % of gcore's file" $1 "$c" -
	rm -rf "$W/cut"
}

others() {
	section "Not a snapshot of a Go process" "Each is refused in one line that says what to do."
	d=$W/others
	make_it others GO=$1 KINDS=quit || { skip "other files" "$why"; return; }
	c=$d/zoo.core.quit
	go_other=$(ls testdata/snapshots/leak-*.exe.gz | head -n 1)
	gzip -dc "$go_other" > "$d/other"
	row refused "the executable of another program with --exe" $1 "$c" - -e "$d/other"
	row refused "the executable given as snapshot" $1 "$d/zoo" -
	: > "$d/empty"
	row refused "an empty file" "" "$d/empty" -
	row refused "a directory" "" "$d" -
	row refused "a file that does not exist" "" "$d/nowhere" -
	printf 'MDMP\223\247\000\000' > "$d/x"
	row refused "a Windows minidump" "" "$d/x" -
	printf '\317\372\355\376\007\000\000\001' > "$d/x"
	row refused "a Mach-O core" "" "$d/x" -
	printf 'KDUMP   \006' > "$d/x"
	row refused "a kernel dump" "" "$d/x" -
	printf 'PK\003\004rest' > "$d/x"
	row refused "a zip archive" "" "$d/x" -
	printf 'ProblemType: Crash\n' > "$d/x"
	row refused "an apport report" "" "$d/x" -
	mkdir "$d/abrt"
	: > "$d/abrt/coredump"
	row refused "a directory of ABRT" "" "$d/abrt" -
	if have gcore; then
		sleep 60 &
		pid=$!
		gcore -o "$d/sleep" $pid >/dev/null 2>&1
		kill $pid
		row refused "a core of a program in C" "" "$d/sleep.$pid" -
	fi
	rm -rf "$d"
}
