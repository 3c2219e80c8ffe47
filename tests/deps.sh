#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that building and testing need, unless all are there. --check only says what is missing;
# --lint is about those of static analysis that are small (clang-tidy is used where it is there, and is not).
set -u
packages="gcc make pkg-config libc6-dev libelf-dev libdwarf-dev libprotobuf-c-dev protobuf-c-compiler zlib1g-dev libcmocka-dev"
[ "${1:-}" != --lint ] || packages="cppcheck"

missing=""
for p in $packages; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "${1:-}" = --check ]; then
	echo "missing packages:$missing"
	exit 1
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
echo "could not install:$missing (no network, or no right to install); install them and try again" >&2
exit 1
