#!/bin/bash
# deps.sh PREFIX [JOBS]: puts the static libraries of the Windows program into PREFIX: a copy of the cached ones of the same key,
# else built from Debian's sources (getsrc.sh, builddeps.sh), and then kept.
#
# The key is made of both scripts and the compiler's version. The cache is ${XDG_CACHE_HOME:-$HOME/.cache}/spoolsweep, or the
# folder that WINDEPS_CACHE names; WINDEPS_CACHE= (empty) does without. It is never required, and a killed run leaves no half of one.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
CROSS=${CROSS-x86_64-w64-mingw32-}
prefix=$1 jobs=${2:-2}
cache=${WINDEPS_CACHE-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/spoolsweep}
key=$({ cat "$here/getsrc.sh" "$here/builddeps.sh"; "${CROSS}gcc" -v 2>&1; } | sha256sum | cut -c 1-20)

if [ -f "$prefix/key" ] && [ "$(cat "$prefix/key")" = "$key" ]; then
	exit 0
fi
rm -rf "$prefix" "$prefix.new"
mkdir -p "$(dirname "$prefix")"
if [ -n "$cache" ] && [ -f "$cache/windeps-$key/key" ]; then
	cp -r "$cache/windeps-$key" "$prefix.new"
	mv "$prefix.new" "$prefix"
	echo "deps: libraries from $cache/windeps-$key"
	exit 0
fi
rm -rf "$prefix.src"
"$here/getsrc.sh" "$prefix.src"
CROSS=$CROSS "$here/builddeps.sh" "$prefix.src" "$prefix.new" "$jobs"
echo "$key" >"$prefix.new/key"
mv "$prefix.new" "$prefix"
rm -rf "$prefix.src"
if [ -n "$cache" ] && mkdir -p "$cache" 2>/dev/null && kept=$(mktemp -d "$cache/.windeps-XXXXXX" 2>/dev/null); then
	# A disk that is full is no failure, nor another run that was first.
	{ cp -r "$prefix/." "$kept" && chmod 755 "$kept" && mv -T "$kept" "$cache/windeps-$key"; } 2>/dev/null || rm -rf "$kept"
fi
