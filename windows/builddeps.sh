#!/bin/bash
# builddeps.sh SRC PREFIX [JOBS]: builds the static libraries of the Windows program into PREFIX (include, lib, lib/pkgconfig,
# notices) from the source packages that getsrc.sh unpacked below SRC. CROSS is the toolchain's prefix ("" on Windows itself).
#
# The sources are compiled as they come, but for what is said below of libarchive, libidn2 and libmagic. Nothing of Debian's own packages is linked;
# of them come only the two lists that are data: magic.mgc and the public suffixes.
set -euo pipefail
export LC_ALL=C.UTF-8
src=$(readlink -f "$1")
mkdir -p "$2/include" "$2/lib/pkgconfig" "$2/notices" "$2/share"
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

	# POSIX's calls on it, for libmagic.
	compile pcre2-posix -DHAVE_CONFIG_H -DPCRE2_CODE_UNIT_WIDTH=8 -DPCRE2_STATIC -I"$w" -I"$d" -- "$d/pcre2posix.c"
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

# With its own configure and makefile. PCRE2 stands for the library of regular expressions that it asks for by the name of gnurx: measured on
# thousands of files, it finds what glibc's finds. mingw has struct timespec, and "timespec = timeval" would read 8 bytes of its 4-byte long.
# Only buffers are given to it, so no decompressor is built in. Its database is Debian's own file of the same version, which a native
# build of these sources equals byte by byte.
build_file()
{
	local w=$work/file auto="ACLOCAL=: AUTOCONF=: AUTOMAKE=: AUTOHEADER=:"
	mkdir -p "$w/regex"
	cp -r "$src/file" "$w/src"
	sed -i '/^#ifdef WIN32/,/^#endif/{/define timespec timeval/d;/define tv_nsec tv_usec/d}' "$w/src/src/cdf.h"
	printf '#include <%s>\n' io.h fcntl.h pcre2posix.h >"$w/regex/regex.h"
	echo '#define pipe(f) _pipe((f), 65536, _O_BINARY)' >>"$w/regex/regex.h"
	cp "$src/pcre2/src/pcre2posix.h" "$w/regex/"
	cp "$prefix/lib/libpcre2-posix.a" "$w/regex/libgnurx.a"
	(cd "$w" && mkdir -p build && cd build && ac_cv_lib_gnurx_regexec=yes ../src/configure -q --host=x86_64-w64-mingw32 --disable-shared --enable-static \
	    --disable-dependency-tracking --disable-libseccomp --disable-zlib --disable-bzlib --disable-xzlib --disable-zstdlib --disable-lzlib \
	    CC="${CROSS}gcc" CPPFLAGS="-I$w/regex -DPCRE2_STATIC -DBUILD_AS_WINDOWS_STATIC_LIBARAY" LDFLAGS="-L$w/regex" CFLAGS="$(echo $flags) -w" &&
	    make -s $auto -C src magic.h && make -s -j"$jobs" $auto -C src libmagic.la) >"$w/log" 2>&1 || { tail -n 20 "$w/log" >&2; exit 1; }
	cp "$w/build/src/.libs/libmagic.a" "$prefix/lib/"
	cp "$w/build/src/magic.h" "$prefix/include/"
	zstd -q -19 -f -o "$prefix/share/magic.mgc.zst" /usr/lib/file/magic.mgc
	cp "$src/file/COPYING" "$prefix/notices/file"
	describe libmagic 5.44 "-lmagic -lpcre2-posix -lpcre2-8 -lshlwapi" ""
}

build_cares()
{
	local d=$src/c-ares
	cp "$d"/include/ares{,_build,_rules,_version,_dns,_nameser}.h "$prefix/include/"
	# Microsoft's name of it is unknown to mingw before its own headers.
	sed -i 's/__int64/long long/' "$prefix/include/ares_build.h"
	compile cares -DCARES_STATICLIB -DCARES_BUILDING_LIBRARY -DINADDRSZ=4 -I"$prefix/include" -I"$d/src/lib" -- "$d"/src/lib/*.c
	cp "$d/LICENSE.md" "$prefix/notices/c-ares"
	describe libcares 1.18.1 "-lcares -liphlpapi -lws2_32 -ladvapi32" -DCARES_STATICLIB
}

# The part of libunistring that comes with it is enough. The calls that take the locale's charset fail: they would need iconv.
build_idn2()
{
	local w=$work/idn2 d=$src/libidn2 f base
	mkdir -p "$w"
	cp "$d"/lib/*.[ch] "$d"/unistring/{attribute,array-mergesort}.h "$w/"
	rm "$w"/gen*.c "$w/register.c"
	cp -r "$d"/unistring/uni{str,norm,ctype} "$w/"
	for f in str norm ctype types; do
		sed 's/@[A-Z_0-9]*@/0/' "$d/unistring/uni$f.in.h" >"$w/uni$f.h"
	done
	printf '#include <errno.h>\n#define locale_charset() ""\n' >"$w/uniconv.h"
	printf '#define u8_strconv_%s_encoding(s, charset, how) (errno = ENOSYS, (uint8_t *)NULL)\n' from to >>"$w/uniconv.h"
	printf '#define _GL_ATTRIBUTE_%s\n' MALLOC DEALLOC_FREE 'DEALLOC(f, i)' MAYBE_UNUSED CONST PURE 'FALLTHROUGH ((void)0)' >"$w/config.h"
	echo '#define strchrnul(s, c) ((s) + strcspn((s), (const char[]){ (c), 0 }))' >>"$w/config.h"
	compile idn2 -DHAVE_LIBUNISTRING=1 -I"$w" -- $(ls "$w"/*.c | grep -v tr46map_data) "$w"/uni{str,norm,ctype}/*.c
	cp "$w/idn2.h" "$prefix/include/"
	{
		echo "libidn2 and what it has of libunistring are used under the terms of the GNU Lesser General Public License, version 3 or later:"
		echo "the sources of spoolsweep and its Makefile.win make the program anew with another libidn2."
		cat "$d/COPYING.LESSERv3" "$d/COPYING.unicode" /usr/share/common-licenses/GPL-3
	} >"$prefix/notices/libidn2"
	describe libidn2 2.3.3 -lidn2 ""
}

# The built-in list alone, no IDN at run time: the list has the ASCII forms too, and names are put into that form before they are looked up.
build_psl()
{
	local w=$work/psl d=$src/libpsl
	mkdir -p "$w"
	sed 's/@LIBPSL_VERSION_MAJOR@/0/; s/@LIBPSL_VERSION_MINOR@/21/; s/@LIBPSL_VERSION_PATCH@/2/; s/@LIBPSL_VERSION@/0.21.2/;
	    s/@LIBPSL_VERSION_NUMBER@/0x001502/' "$d/include/libpsl.h.in" >"$w/libpsl.h"
	python3 "$d/src/psl-make-dafsa" --output-format=cxx+ /usr/share/publicsuffix/public_suffix_list.dat "$w/suffixes_dafsa.h"
	compile psl -DENABLE_BUILTIN -DPSL_STATIC -DBUILDING_PSL '-DPSL_DISTFILE=""' '-DPACKAGE_VERSION="0.21.2"' -I"$w" -- "$d/src/psl.c" "$d/src/lookup_string_in_fixed_set.c"
	cp "$w/libpsl.h" "$prefix/include/"
	cat "$d/LICENSE" "$d/src/LICENSE.chromium" /usr/share/doc/publicsuffix/copyright >"$prefix/notices/libpsl"
	describe libpsl 0.21.2 "-lpsl -lws2_32" -DPSL_STATIC
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
for step in ${STEPS:-zstd utf8proc pcre2 sqlite libarchive file cares idn2 psl cmocka}; do
	SECONDS=0
	build_$step
	echo "builddeps: $step, $SECONDS s"
done
rm -rf "$work"
