#!/bin/bash
# notices.sh PREFIX: prints THIRD-PARTY.txt, the licences of what is linked into spoolsweep.exe. PREFIX is that of deps.sh.
set -euo pipefail
prefix=$1
here=$(dirname "$(readlink -f "$0")")

section()
{
	printf '\n%s\n%s\n\n' "$1" "$(printf %s "$1" | sed 's/./=/g')"
	cat "$2"
}

echo "spoolsweep.exe contains the following libraries. Their sources are Debian's source packages of the same names."
for file in "$prefix"/notices/*; do
	section "${file##*/}" "$file"
done
section "Unicode CLDR (names of time zones: sys_win_zones.c is made of windowsZones)" "$here/unicode.txt"
section "mingw-w64 (C runtime, headers)" /usr/share/doc/mingw-w64-common/copyright
cat <<'END'

GCC runtime (libgcc, libssp)
============================

Copyright (C) Free Software Foundation, Inc. GNU General Public License, version 3, with the GCC Runtime Library Exception,
version 3.1, which permits this use: https://www.gnu.org/licenses/gcc-exception-3.1.html
END
