#!/bin/sh
# SPDX-License-Identifier: MIT
# `make fuzz-run MINUTES=60`: every fuzz target for its share of the time, on the corpora of the tree and on what earlier
# runs found; then damaged memory of the committed cores. Prints a row per target: seconds, executions, edges covered, new
# inputs, findings. Status 1 when there are findings; they stay in $OUT/findings.
#
#   tests/fuzz/run.sh [-m MINUTES] [-e libfuzzer|afl] [TARGET...]
#
# BIN is where `make fuzz` put the targets (for -e afl: `make fuzz-afl`), OUT is where everything goes.
set -u
minutes=10 engine=libfuzzer
while getopts m:e: o; do
	case $o in m) minutes=$OPTARG ;; e) engine=$OPTARG ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
if [ "$engine" = afl ]; then dir=build/afl; else dir=build/fuzz; fi
BIN=${BIN:-$dir/fuzz}
OUT=${OUT:-$dir/run}
# The slow ones, which reach far, get three shares. Leaks are looked for when `make check` replays the corpora: it takes long.
targets=${*:-buildinfo code core dumpviews dumpviews dumpviews dwarf dwarf dwarf elf gz heapdump memory memory memory notes
	pclntab process process process types}
shares=$(echo "$targets" | wc -w)
mkdir -p "$OUT/findings" "$OUT/logs"
ASAN_OPTIONS=${ASAN_OPTIONS:-handle_abort=1:abort_on_error=1:symbolize=0:detect_leaks=1}
export ASAN_OPTIONS
status=0

row() { # target engine seconds executions edges inputs findings
	printf '| %-10s | %-9s | %7s | %10s | %6s | %6s | %8s |\n' "$@"
	[ "$7" = 0 ] || [ "$7" = findings ] || status=1
}

run_libfuzzer() { # target seconds
	mkdir -p "$OUT/corpus/$1" "$OUT/findings/$1"
	log=$OUT/logs/$1.log
	before=$(ls "$OUT/corpus/$1" | wc -l)
	nice -n 19 "$BIN/fuzz_$1" -max_total_time="$2" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -max_len=65536 -detect_leaks=0 \
		-artifact_prefix="$OUT/findings/$1/" "$OUT/corpus/$1" "tests/fuzz/corpus/$1" >"$log" 2>&1
	row "$1" libFuzzer "$2" "$(sed -n 's/.*number_of_executed_units: *//p' "$log")" \
		"$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)" \
		"$(($(ls "$OUT/corpus/$1" | wc -l) - before))" "$(ls "$OUT/findings/$1" | grep -vc '^slow-unit')"
}

run_afl() { # target seconds
	log=$OUT/logs/$1.log
	in=tests/fuzz/corpus/$1
	[ ! -d "$OUT/$1" ] || in=-
	AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 \
		ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 \
		nice -n 19 afl-fuzz -i "$in" -o "$OUT/$1" -V "$2" -t 20000 -m none -- "$BIN/fuzz_$1" >"$log" 2>&1
	stats=$OUT/$1/default/fuzzer_stats
	field() { sed -n "s/^$1 *: *//p" "$stats" 2>/dev/null; }
	row "$1" AFL++ "$2" "$(field execs_done)" "$(field edges_found)" "$(field corpus_found)" \
		"$(($(field saved_crashes) + $(field saved_hangs)))"
}

# Memory of cores: seeds until the time is up, each core in turn.
run_memory() { # - seconds
	end=$(($(date +%s) + $2)) first=$(date +%s) runs=0 bad=0
	log=$OUT/logs/memory.log
	mkdir -p "$OUT/snap"
	for s in testdata/snapshots/*.core.gz; do
		exe=${s%.core.gz}.exe.gz
		for f in "$s" "$exe"; do
			to=$OUT/snap/$(basename "$f" .gz)
			[ -s "$to" ] || gzip -dc "$f" | dd of="$to" bs=64k conv=sparse 2>/dev/null
		done
	done
	: >"$log"
	while [ "$(date +%s)" -lt "$end" ]; do
		for core in "$OUT"/snap/*.core; do
			[ "$(date +%s)" -lt "$end" ] || break
			nice -n 19 "$BIN/fuzz_memory" "$core" "${core%.core}.exe" "$first" 20 60 >>"$log" 2>&1
			runs=$((runs + 20))
		done
		first=$((first + 20))
	done
	bad=$(grep -c '^seed' "$log")
	row memory own "$2" "$runs" - - "$bad"
}

row target engine seconds executions edges inputs findings
echo '| --- | --- | --- | --- | --- | --- | --- |'
for t in $(echo "$targets" | tr -s ' \t\n' '\n' | sort -u); do
	n=$(echo "$targets" | tr -s ' \t\n' '\n' | grep -c "^$t\$")
	seconds=$((minutes * 60 * n / shares))
	if [ "$t" = memory ]; then run_memory "$t" $seconds
	elif [ "$engine" = afl ]; then run_afl "$t" $seconds
	else run_libfuzzer "$t" $seconds
	fi
done
exit $status
