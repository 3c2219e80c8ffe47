#!/bin/bash
# Makes the committed snapshots anew: testdata/snapshots.sh WORKDIR
# They hold other addresses afterwards, and the table in README.md other sums.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${1:?usage: snapshots.sh WORKDIR}
mkdir -p "$work" "$here/snapshots"

# [machine-]release variant kind; the kinds that come first go into the repository
while read -r go variant kind extra; do
	d=$work/$go
	case $go in
	*-*) arch=${go%-*} ;;
	*) arch=amd64 ;;
	esac
	GOARCH=$arch GO=${go#*-} VARIANT=$variant KINDS="$kind $extra" OUT=$d "$here/gen.sh" >/dev/null
	o=$here/snapshots/zoo-$go
	gzip -9nc "$d/zoo" >"$o.exe.gz"
	gzip -9nc "$d/zoo.core.$kind" >"$o.core.gz"
	cp "$d/zoo.core.$kind.truth" "$o.truth"
	case $extra in
	gcore)
		zstd -q -f -19 --long=27 -o "$o.gcore.zst" "$d/zoo.gcore"
		cp "$d/zoo.gcore.truth" "$o.gcore.truth"
		;;
	esac
	case $go in
	1.22 | 1.27) gzip -9nc "$d/zoo.core.$kind.heapdump" >"$o.heapdump.gz" ;;
	esac
done <<'END'
1.19 nodwarf crash gcore
1.21 stripped quit
1.22 full crash
1.23 stripped quit
1.24 nodwarf crash
1.25 stripped quit
1.26 piestripped crash
1.27 plain quit
arm64-1.22 plain quit
386-1.20 stripped crash
END

d=$work/leak
GO=1.26 PROGRAM=leak VARIANT=full KINDS=abort OUT=$d "$here/gen.sh" >/dev/null
o=$here/snapshots/leak-1.26
gzip -9nc "$d/leak" >"$o.exe.gz"
gzip -9nc "$d/leak.core.abort" >"$o.core.gz"
cp "$d/leak.core.abort.truth" "$o.truth"
cd "$here/snapshots" && chmod 644 -- * && sha256sum -- *
