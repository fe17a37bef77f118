#!/bin/bash
# getsrc.sh DIR: fetches the Debian source packages of what the Windows program is linked with, and unpacks them below DIR.
#
# By a private apt state made from the machine's own Debian entries: nothing in /etc/apt or /var/lib/apt changes, no root is
# needed. The upstream tarballs are pinned: Debian's own patches on them may move with security uploads, the version that our
# build was tried with may not move unseen.
set -euo pipefail
export LC_ALL=C.UTF-8

pins="
1a7d52a8a84a9fbffb1be9133c0f6e17217d91ea5a6fa61f6b4729cda78ebbcf c-ares_1.18.1.orig.tar.gz
f0ccd8242d55e2fd74b16ba518359151f6f8383ff8aef4976e48393f77bba8b6 cmocka_1.1.5.orig.tar.xz
3751c7fba8dbc831cb8d7cc8aff21035459b8ce5155ef8b0880a27d028475f3b file_5.44.orig.tar.gz
9e2c1b80d5fbe59b61308fdfab6c79b5021d7ff4ff2489fb12daf0a96a83551d libarchive_3.6.2.orig.tar.xz
f3ac987522c00d33d44b323cae424e2cffcb4c63c6aa6cd1376edacbf1c36eb0 libidn2_2.3.3.orig.tar.gz
11e34380f2c81d6e72c710464aae3b680df4ddcc1007826c630fb03c7ca6aa54 libpsl_0.21.2.orig.tar.xz
8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953 libzstd_1.5.4+dfsg2.orig.tar.xz
c33b418e3b936ee3153de2c61cc638e7e4fe3156022a5c77d0711bcbb9d64f1f pcre2_10.42.orig.tar.gz
aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655 sqlite3_3.40.1.orig.tar.xz
a0a60a79fe6f6d54e7d411facbfcc867a6e198608f2cd992490e46f04b1bcecc utf8proc_2.8.0.orig.tar.gz
"

die()
{
	echo "getsrc: $*" >&2
	exit 1
}

[ $# = 1 ] || die "usage: getsrc.sh DIR"
mkdir -p "$1"
out=$(readlink -f "$1")
state=$out/.apt
log=$out/log
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/parts"

# The entries that Debian's key signs, as sources: deb822 files, else one-line ones.
awk 'BEGIN { RS = ""; ORS = "\n\n" } /debian-archive-keyring/' /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed 's/^Types:.*/Types: deb-src/' >"$state/parts/src.sources" || true
if [ ! -s "$state/parts/src.sources" ]; then
	rm -f "$state/parts/src.sources"
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
	    sed -n 's/^deb \(.*bookworm.* main.*\)/deb-src \1/p' >"$state/parts/src.list" || true
	[ -s "$state/parts/src.list" ] || die "no entry of Debian 12 in /etc/apt: the pinned sources are its"
fi
apt()
{
	apt-get -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$state/parts" -o "Dir::State::lists=$state/lists" \
	    -o "Dir::Cache=$state/cache" -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3 "$@" >>"$log" 2>&1
}

: >"$log"
apt update || die "apt-get update failed: $(tail -n 3 "$log")"
cd "$out"
while read -r want tarball; do
	[ -n "$tarball" ] || continue
	name=${tarball%%_*}
	# The newest first; a superseded security upload may still be listed and answer 404: then the point release serves.
	if ! apt source --download-only "$name"; then
		rm -f "${name}"_*
		apt source --download-only "$name/bookworm" || die "$name: $(tail -n 3 "$log")"
	fi
	[ -f "$tarball" ] || die "Debian now has another version of $name: $(echo "${name}"_*.orig.tar.*), and $tarball is pinned here"
	have=$(sha256sum "$tarball")
	[ "${have%% *}" = "$want" ] || die "$tarball has the SHA-256 ${have%% *}, and $want is pinned here: not used"
	rm -rf "$name"
	dpkg-source --no-check -x "${name}"_*.dsc "$name" >>"$log" 2>&1 || die "$name: $(tail -n 3 "$log")"
done <<<"$pins"
rm -rf "$state"
