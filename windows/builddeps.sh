#!/bin/bash
# builddeps.sh SRC PREFIX [JOBS]: builds the static libraries of the Windows program into PREFIX (include, lib, lib/pkgconfig,
# notices) from the source packages that getsrc.sh unpacked below SRC. CROSS is the toolchain's prefix ("" on Windows itself).
#
# The sources are compiled as they come, but for one line of libarchive (below). Nothing of Debian's own packages is linked.
set -euo pipefail
export LC_ALL=C.UTF-8
src=$(readlink -f "$1")
mkdir -p "$2/include" "$2/lib/pkgconfig" "$2/notices"
prefix=$(readlink -f "$2")
jobs=${3:-2}
CROSS=${CROSS-x86_64-w64-mingw32-}
work=$prefix/.build
flags="-O2 -g0 -ffunction-sections -fdata-sections -fstack-protector-strong -D_FORTIFY_SOURCE=2 -D_WIN32_WINNT=0x0A00
	-D__USE_MINGW_ANSI_STDIO=1"

# compile NAME FLAG... -- FILE...: objects below $work/NAME/o, then lib/libNAME.a
compile()
{
	local name=$1 o=$work/$1/o with=()
	shift
	while [ "$1" != -- ]; do
		with+=("$1")
		shift
	done
	shift
	mkdir -p "$o"
	printf '%s\0' "$@" | xargs -0 -P "$jobs" -I{} sh -c 'f=$1 o=$2; shift 2; b=${f##*/}
	    exec "$@" -w -c "$f" -o "$o/${b%.*}.o"' sh {} "$o" "${CROSS}gcc" $flags "${with[@]}"
	rm -f "$prefix/lib/lib$name.a"
	"${CROSS}ar" rcs "$prefix/lib/lib$name.a" "$o"/*.o
}

# describe MODULE VERSION LIBS CFLAGS: the .pc file; the prefix may be moved.
describe()
{
	cat >"$prefix/lib/pkgconfig/$1.pc" <<-END
	prefix=\${pcfiledir}/../..
	Name: $1
	Description: $1, static, for Windows
	Version: $2
	Libs: -L\${prefix}/lib $3
	Cflags: -I\${prefix}/include $4
	END
}

build_zstd()
{
	local d=$src/libzstd/lib
	compile zstd -DXXH_NAMESPACE=ZSTD_ -DZSTD_MULTITHREAD -DZSTD_LEGACY_SUPPORT=0 -DZSTD_DISABLE_ASM -I"$d" -I"$d/common" \
	    -- "$d"/{common,compress,decompress}/*.c
	cp "$d/zstd.h" "$d/zstd_errors.h" "$prefix/include/"
	cp "$src/libzstd/LICENSE" "$prefix/notices/zstd"
	describe libzstd 1.5.4 -lzstd ""
}

build_utf8proc()
{
	compile utf8proc -DUTF8PROC_STATIC -- "$src/utf8proc/utf8proc.c"
	cp "$src/utf8proc/utf8proc.h" "$prefix/include/"
	cp "$src/utf8proc/LICENSE.md" "$prefix/notices/utf8proc"
	describe libutf8proc 2.8.0 -lutf8proc -DUTF8PROC_STATIC
}

# 8-bit, without JIT: its generic configuration, as its NON-AUTOTOOLS-BUILD tells.
build_pcre2()
{
	local d=$src/pcre2/src w=$work/pcre2-8 f files=()
	mkdir -p "$w"
	cp "$d/config.h.generic" "$w/config.h"
	cp "$d/pcre2.h.generic" "$w/pcre2.h"
	cp "$d/pcre2_chartables.c.dist" "$w/pcre2_chartables.c"
	for f in auto_possess compile config context convert dfa_match error extuni find_bracket jit_compile maketables match match_data \
	    newline ord2utf pattern_info script_run serialize string_utils study substitute substring tables ucd valid_utf xclass; do
		files+=("$d/pcre2_$f.c")
	done
	compile pcre2-8 -DHAVE_CONFIG_H -DPCRE2_CODE_UNIT_WIDTH=8 -DPCRE2_STATIC -DSUPPORT_PCRE2_8 -DSUPPORT_UNICODE -I"$w" -I"$d" \
	    -- "${files[@]}" "$w/pcre2_chartables.c"
	cp "$w/pcre2.h" "$prefix/include/"
	cp "$src/pcre2/LICENCE" "$prefix/notices/pcre2"
	describe libpcre2-8 10.42 -lpcre2-8 -DPCRE2_STATIC
}

# Debian's source is the tree, not the amalgamation: that is made first, by the machine's own compiler and tclsh.
build_sqlite()
{
	local w=$work/sqlite3
	mkdir -p "$w"
	(cd "$w" && "$src/sqlite3/configure" -q --disable-tcl --disable-readline --disable-load-extension >log 2>&1 &&
	    make -s sqlite3.c >>log 2>&1) || { tail -n 20 "$w/log" >&2; exit 1; }
	compile sqlite3 -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_ENABLE_MATH_FUNCTIONS -- "$w/sqlite3.c"
	cp "$w/sqlite3.h" "$prefix/include/"
	echo "SQLite is in the public domain: https://www.sqlite.org/copyright.html" >"$prefix/notices/sqlite3"
	describe sqlite3 3.40.1 -lsqlite3 ""
}

# msvcrt has no UTF-8 locale, and in the "C" locale libarchive's pax writer refuses every name that is not ASCII (libarchive
# issues 931, 2233, 587): names that we hand over are UTF-8, and that is what get_current_codepage must say.
# Of its formats only tar is built (pax is what we write; what reads it is for a unit test), by its own configuration for mingw.
build_libarchive()
{
	local w=$work/archive f files=()
	mkdir -p "$w"
	cp "$src"/libarchive/libarchive/*.[ch] "$src/libarchive/contrib/android/config/windows_host.h" "$w"
	sed -i '/^get_current_codepage(void)/,/^}/s/return (CP_C_LOCALE);/return (CP_UTF8);/' "$w/archive_string.c"
	grep -q 'return (CP_UTF8);' "$w/archive_string.c"
	sed -i -E '/^\t\{ ARCHIVE_FORMAT_[^T].*\},/d; /ARCHIVE_FORMAT_TAR_GNUTAR/d' "$w/archive_write_set_format.c"
	for f in acl check_magic entry entry_sparse entry_stat entry_strmode entry_xattr random read read_open_memory \
	    read_support_format_tar string string_sprintf util virtual windows write write_set_format write_set_format_pax \
	    write_set_format_ustar; do
		files+=("$w/archive_$f.c")
	done
	compile archive -D__LIBARCHIVE_CONFIG_H_INCLUDED=1 "-DPLATFORM_CONFIG_H=\"windows_host.h\"" -DLIBARCHIVE_STATIC -I"$w" \
	    -- "${files[@]}"
	cp "$w/archive.h" "$w/archive_entry.h" "$prefix/include/"
	cp "$src/libarchive/COPYING" "$prefix/notices/libarchive"
	describe libarchive 3.6.2 -larchive -DLIBARCHIVE_STATIC
}

# For the tests alone: not in the program, and no notice is due.
build_cmocka()
{
	local w=$work/cmocka
	mkdir -p "$w"
	printf '#define HAVE_%s 1\n' INTTYPES_H STDINT_H STDLIB_H STRING_H SIGNAL_H STDARG_H SETJMP_H TIME_H MALLOC_H IO_H >"$w/config.h"
	# A test that is skipped is "ok" in TAP; this version says "not ok", which its successor mended.
	sed 's/"not ok %u # SKIP/"ok %u # SKIP/' "$src/cmocka/src/cmocka.c" >"$w/cmocka.c"
	compile cmocka -DHAVE_CONFIG_H -I"$w" -I"$src/cmocka/include" -- "$w/cmocka.c"
	# Its messages are printed by mingw's own printf, as the whole of our program does.
	sed 's/__format__ (__printf__/__format__ (__gnu_printf__/' "$src/cmocka/include/cmocka.h" >"$prefix/include/cmocka.h"
	describe cmocka 1.1.5 -lcmocka ""
}

rm -rf "$work"
for step in zstd utf8proc pcre2 sqlite libarchive cmocka; do
	SECONDS=0
	build_$step
	echo "builddeps: $step, $SECONDS s"
done
rm -rf "$work"
