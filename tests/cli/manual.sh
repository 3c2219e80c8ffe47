#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual page and --help name the same options, and the manual's examples run.
. tests/cli/lib.sh

man=cmd/heapconv/heapconv.1
"$HEAPCONV" --help > "$T/help"
sed -n 's/^\.It //p' "$man" | grep -oE 'Fl -[a-z-]+' | sed 's/Fl -/--/' | sort -u > "$T/in-manual"
grep -oE -- '--[a-z][a-z-]+' "$T/help" | sort -u > "$T/in-help"
is "every option of --help is in the manual" "$(comm -13 "$T/in-manual" "$T/in-help" | tr '\n' ' ')" ""
is "every option of the manual is in --help" \
	"$(comm -23 "$T/in-manual" "$T/in-help" | grep -vE -- '--(output|quiet|verbose)$' | tr '\n' ' ')" ""
for f in $("$HEAPCONV" --help | sed -n '/^formats/,/^inputs/p' | awk '/^  [a-z]/ { print $1 }'); do
	ok "the manual describes format $f" grep -q "^\.It $f " "$man"
done

cp "$(unpack testdata/snapshots/leak-1.26.core.gz)" "$T/core"
cp "$(unpack testdata/snapshots/leak-1.26.exe.gz)" "$T/leak"
cp "$T/leak" "$T/server"
cp "$(unpack testdata/snapshots/zoo-1.22.heapdump.gz)" "$T/app.heapdump"
cp "$(unpack testdata/snapshots/zoo-1.22.exe.gz)" "$T/app"
case $HEAPCONV in /*) bin=$HEAPCONV ;; *) bin=$PWD/$HEAPCONV ;; esac
mkdir "$T/bin" && ln -s "$bin" "$T/bin/heapconv"
sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/s/^\.Dl //p' "$man" > "$T/examples"
while IFS= read -r line; do
	case $line in
	"go "*) command -v go >/dev/null || { skip "example: $line" "go is not installed"; continue; } ;;
	esac
	ok "example: $line" sh -c "cd '$T' && PATH='$T/bin':\$PATH && $line"
done < "$T/examples"
if command -v mandoc >/dev/null; then
	is "mandoc has no complaint" "$(mandoc -T lint -W warning "$man" 2>&1)" ""
else
	skip "mandoc has no complaint" "mandoc is not installed"
fi

# Completion, as bash would ask for it.
complete_words() { # words... ; the last one is being completed
	PATH=$T/bin:$PATH bash -c '. cmd/heapconv/completion/heapconv.bash
		COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _heapconv; printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | sort | tr '\n' ' '
}
if command -v bash >/dev/null; then
	is "bash completes options" "$(complete_words heapconv --sys)" "--sysroot "
	is "bash completes formats" "$(complete_words heapconv --format = pp)" "pprof "
	like "bash completes views" "$(complete_words heapconv --view = ret)" "retained"
else
	skip "bash completion" "bash is not installed"
fi
if command -v zsh >/dev/null; then
	ok "zsh reads its completion" zsh -n cmd/heapconv/completion/_heapconv
else
	skip "zsh reads its completion" "zsh is not installed"
fi
