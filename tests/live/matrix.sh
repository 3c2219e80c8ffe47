#!/bin/sh
# SPDX-License-Identifier: MIT
# A few rows of the matrix of snapshots (tests/matrix.sh): what unit tests cannot make.
. tests/cli/lib.sh

command -v go >/dev/null || { skip "snapshots of many kinds" "go is not installed"; exit 0; }
command -v bash >/dev/null || { skip "snapshots of many kinds" "bash is not installed"; exit 0; }
GO=$(go env GOVERSION | sed 's/^go\([0-9]*\.[0-9]*\).*/\1/') exec bash tests/matrix.sh quick
