#!/bin/bash
# package.sh BUILD PREFIX VERSION: makes BUILD/spoolsweep-VERSION-win64.zip and .msi of BUILD/spoolsweep.exe.
set -euo pipefail
export LC_ALL=C.UTF-8
build=$1 prefix=$2 version=$3
here=$(dirname "$(readlink -f "$0")")
name=spoolsweep-$version-win64
dir=$build/package/$name
out=$(readlink -f "$build")

rm -rf "$build/package" "$out/$name.zip" "$out/$name.msi"
mkdir -p "$dir"
cp "$build/spoolsweep.exe" "$dir/"
# All of it lies in one folder there.
sed 's,(windows/README\.md),(WINDOWS.md),; s,(tests/data/report\.png),(report.png),' README.md >"$dir/README.md"
cp tests/data/report.png "$dir/"
cp windows/README.md "$dir/WINDOWS.md"
cp LICENSE "$dir/LICENSE.txt"
# Not spoolsweep.ps1: PowerShell would run that for "spoolsweep" before the program beside it.
cp cmd/completions/spoolsweep.ps1 "$dir/spoolsweep-completion.ps1"
"$here/notices.sh" "$prefix" >"$dir/THIRD-PARTY.txt"
mandoc -T html cmd/spoolsweep.1 >"$dir/spoolsweep.html"
cd "$build/package"
zip -q -X -r "$out/$name.zip" "$name"

wixl -a x64 -D "VERSION=$version" -D "DIR=$name" -o "$out/$name.msi" "$here/product.wxs"
# "=" made when it is missing, "-" taken away at removal, "*" of the machine; "[~];" behind what is there.
printf '%s\r\n' $'Environment\tName\tValue\tComponent_' $'s72\tl255\tL255\ts72' $'Environment\tEnvironment' \
    $'path\t=-*PATH\t[~];[INSTALLDIR]\tProgram' >Environment.idt
msibuild "$out/$name.msi" -i Environment.idt
for action in RemoveEnvironmentStrings:3300 WriteEnvironmentStrings:5200; do
	msibuild "$out/$name.msi" \
	    -q "INSERT INTO InstallExecuteSequence (Action, Condition, Sequence) VALUES ('${action%:*}', '', ${action#*:})"
done
# SCHEDULE=1 on the command line of msiexec: the health check as a scheduled task. The program is run as SYSTEM behind its installation (18 a program
# that is installed, 1024 in the script, 2048 as SYSTEM) and, whatever it says (64), before a removal that is no upgrade.
msibuild "$out/$name.msi" \
    -q "UPDATE Property SET Value = 'WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED;SCHEDULE' WHERE Property = 'SecureCustomProperties'"
msibuild "$out/$name.msi" -q "INSERT INTO CustomAction (Action, Type, Source, Target) VALUES ('Schedule', 3090, 'exe', 'schedule --install')"
msibuild "$out/$name.msi" -q "INSERT INTO CustomAction (Action, Type, Source, Target) VALUES ('Unschedule', 3154, 'exe', 'schedule --remove')"
msibuild "$out/$name.msi" -q "INSERT INTO InstallExecuteSequence (Action, Condition, Sequence) VALUES ('Schedule', 'SCHEDULE AND NOT REMOVE', 6500)"
msibuild "$out/$name.msi" -q \
    "INSERT INTO InstallExecuteSequence (Action, Condition, Sequence) VALUES ('Unschedule', 'REMOVE=\"ALL\" AND NOT UPGRADINGPRODUCTCODE', 3400)"
ls -l "$out/$name.zip" "$out/$name.msi"
