# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The vring-ipc authors
# shellcheck shell=bash
# What the scripts share; they source it. Sets $root, the top of the project.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

passed=0
failed=0
skipped=0

say() { printf '%s\n' "$*"; }
complain() { printf '%s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

jobs() { nproc 2>/dev/null || echo 2; }

# Some kernels spread mappings further than the sanitizers of older compilers can bear.
calm() {
	if have setarch && setarch -R true 2>/dev/null; then
		setarch -R "$@"
	else
		"$@"
	fi
}

# count PASSED FAILED SKIPPED: adds to the sums
count() {
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
}

# result_line PASSED FAILED SKIPPED
result_line() {
	if [ "$3" -gt 0 ]; then
		say "$1 passed, $2 failed, $3 skipped"
	else
		say "$1 passed, $2 failed"
	fi
}

# closing_line: the sums in one line; fails if something failed, or if nothing was run
closing_line() {
	result_line "$passed" "$failed" "$skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# one_check NAME COMMAND...: a check that counts as one test; what it prints is shown
one_check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		count 1 0 0
		[ -z "$out" ] || say "$out"
		say "$name: ok"
	else
		count 0 1 0
		complain "$out"
		complain "$name: failed"
	fi
}

# The project's own files of the given kinds, one a line: what git knows, or in an unpacked archive all.
own_files() {
	if git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git -C "$root" ls-files --cached --others --exclude-standard -- "$@"
	else
		local kind args=()
		for kind in "$@"; do
			args+=(-o -name "$kind")
		done
		(cd "$root" && find . -path ./build -prune -o \( "${args[@]:1}" \) -print)
	fi
}
