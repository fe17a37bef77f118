#!/bin/sh
# winerun.sh SECONDS PROGRAM ARG...: runs one Windows program under Wine without a display; exit status is the program's (modulo
# 256), 124 after the time. SECONDS 0: no limit, and the process that is started is the program's own (for tests that kill it). Else what it
# prints comes when it has ended, and a start that Wine lost is repeated.
# winerun.sh --new: makes the prefix new. winerun.sh --serve: starts its server. winerun.sh --end: ends what still runs in it.
# The prefix is build/wine beside this folder, or WINEPREFIX. WINERUN_SERVED=1: its server runs, nothing has to be looked after; the
# tests start thousands of programs, and each process that this script starts besides costs them minutes.
set -u
case $0 in
/*/windows/winerun.sh)
	top=${0%/windows/winerun.sh}
	;;
*)
	top=$(readlink -f "$(dirname "$0")/..")
	;;
esac
export WINEPREFIX=${WINEPREFIX:-$top/build/wine} WINEARCH=win64 WINEDEBUG=${WINEDEBUG:--all} TZ=${TZ:-UTC}
export WINEDLLOVERRIDES='mscoree=;mshtml=;winemenubuilder.exe='	# no Mono, no Gecko, no menus
export LC_ALL=C.UTF-8		# in the C locale every argument and file name that is not ASCII is mangled
unset DISPLAY WAYLAND_DISPLAY

# Wine under load loses about one start in some thousands: exit 1 with nothing printed, where who begins says why it ends with 1.
within()
{
	limit=$1
	shift
	said=$(mktemp -d) || exit 125
	for try in 1 2 3; do
		timeout -k 5 "$limit" "$wine" "$@" >"$said/out" 2>"$said/err"
		status=$?
		[ $status = 1 ] && [ ! -s "$said/out" ] && [ ! -s "$said/err" ] || break
		echo "winerun: Wine did not start $1, try $try" >&2
	done
	cat "$said/err" >&2
	cat "$said/out"
	rm -rf "$said"
	return $status
}

set_value()
{
	within 60 reg add "$1" /v "$2" /t "${4:-REG_SZ}" /d "$3" /f >/dev/null 2>&1 || { echo "winerun: $1 $2 cannot be set" >&2; exit 125; }
}

# Debian's script "wine" looks for this one, each time.
wine=/usr/lib/wine/wine64
if [ -x $wine ]; then
	export WINELOADER=$wine
else
	wine=wine
fi

make_prefix()
{
	rm -rf "$WINEPREFIX"
	mkdir -p "$WINEPREFIX.home"
	# Documents, Desktop and so on of the prefix become links into HOME: not into the user's.
	(export HOME="$WINEPREFIX.home"; within 300 wineboot -i) >/dev/null 2>&1 || { echo "winerun: wineboot failed" >&2; exit 125; }
	# The post-mortem debugger makes the exit status of a crash 0 or 5 at random. A value that is deleted comes back.
	set_value 'HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug' Debugger false
	set_value 'HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug' Auto 0
	set_value 'HKCU\Software\Wine' Version win10	# else it says Windows 7
	# A service has 10 seconds to begin here, and 30 on Windows; on a loaded machine a program's start alone may take longer.
	set_value 'HKLM\SYSTEM\CurrentControlSet\Control' ServicesPipeTimeout 120000 REG_DWORD
	timeout 60 wineserver -w
	touch "$WINEPREFIX/.ready"
}

# Debian's Wine ends its server, services and all, with the last program: a second for every start. A server that runs already stays.
# One that is new (status 0; 2: there is one) gets a program of its own first: the services that come with the first program hold what
# that has open, and would hold a test's output until they end.
serve()
{
	if [ ! -f "$WINEPREFIX/.ready" ]; then
		mkdir -p "$(dirname "$WINEPREFIX")"
		exec 9>"$WINEPREFIX.lock"
		flock 9
		[ -f "$WINEPREFIX/.ready" ] || make_prefix
		exec 9>&-
	fi
	wineserver -p300 </dev/null >/dev/null 2>&1 && timeout 60 "$wine" cmd /c exit </dev/null >/dev/null 2>&1
}

case ${1:-} in
--new)
	make_prefix
	exit 0
	;;
--serve)
	serve
	exit 0
	;;
--end)
	timeout 60 wineserver -k
	exit 0
	;;
esac
seconds=$1
shift
[ "${WINERUN_SERVED:-0}" = 1 ] || serve
[ "$seconds" = 0 ] && exec "$wine" "$@"
within "$seconds" "$@"
