#!/usr/bin/perl
# The .zip and the .msi: silent installation, an upgrade over an older version, a removal that leaves what was indexed and archived.
# Files and registry are looked at: an exit status of msiexec says nothing.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use Test::More;

my $build = $ENV{WIN_BUILD} or plan skip_all => 'not the Windows build';
my $here = dirname(__FILE__);
my ($msi) = glob "$build/spoolsweep-*-win64.msi";
plan skip_all => 'make package was not run' if !$msi;
my ($version) = $msi =~ /spoolsweep-(.*)-win64\.msi$/;
my $run = "$here/../winerun.sh";
my $prefix = $ENV{WINEPREFIX} || "$here/../../build/wine";
my $installed = "$prefix/drive_c/Program Files/spoolsweep";
my $kept = "$prefix/drive_c/ProgramData/spoolsweep";
my @files = qw(LICENSE.txt README.md THIRD-PARTY.txt WINDOWS.md report.png spoolsweep-completion.ps1 spoolsweep.exe spoolsweep.html);
my @task = ("$kept/spoolsweep-check.xml", "$prefix/drive_c/windows/system32/tasks/spoolsweep health check");
my $log = 'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\spoolsweep';
my $environment = 'HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment';

sub slurp { open my $f, '<:raw', $_[0] or return ''; local $/; return <$f> // '' }
sub folder { opendir my $d, $_[0] or return (); return sort grep { !/^\.\.?$/ } readdir $d }
sub query { my $text = `'$run' 60 reg query '$_[0]' /s 2>/dev/null`; $text =~ tr/\r//d; return $text }
sub msiexec { return system($run, 180, 'msiexec', @_, '/qn') }
sub in_path { return scalar(() = query($environment) =~ /C:\\Program Files\\spoolsweep/g) }
sub products {
	my @blocks = split /\n\n/, query('HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall');
	return map { /DisplayVersion\s+REG_SZ\s+(\S+)/ } grep { /DisplayName\s+REG_SZ\s+spoolsweep$/m } @blocks;
}

my $work = tempdir('spoolsweep-XXXXXX', TMPDIR => 1, CLEANUP => 1);
is(system('unzip', '-q', "$build/spoolsweep-$version-win64.zip", '-d', $work), 0, 'the .zip unpacks');
is_deeply([ folder("$work/spoolsweep-$version-win64") ], \@files, 'to these files');
like(`'$run' 60 '$work/spoolsweep-$version-win64/spoolsweep.exe' --version`, qr/^spoolsweep \Q$version\E$/, 'the program in it runs');
for my $library (qw(c-ares file libarchive libidn2 libpsl pcre2 sqlite3 utf8proc zstd Unicode mingw-w64 GCC)) {
	like(slurp("$work/spoolsweep-$version-win64/THIRD-PARTY.txt"), qr/^$library\b.*\n=+\n\n.{70}/ms, "the notice of $library");
}

my $readme = slurp("$work/spoolsweep-$version-win64/README.md");
my @links = $readme =~ /\]\(([^):]+)\)/g;
ok(@links > 0, 'its README leads to other files');
ok(-e "$work/spoolsweep-$version-win64/$_", "  to $_, which is there") for @links;

# An older version: the same program with a byte behind it, by the same script.
mkdir "$work/old" or die $!;
copy("$build/spoolsweep.exe", "$work/old/spoolsweep.exe") or die $!;
{ open my $f, '>>:raw', "$work/old/spoolsweep.exe" or die $!; print $f 'x' or die $!; close $f or die $! }
is(system("cd '$here/../..' && windows/package.sh '$work/old' build/windeps 0.0.9 >/dev/null"), 0, 'an older package');

remove_tree($kept);
msiexec('/i', "$work/old/spoolsweep-0.0.9-win64.msi");
is_deeply([ folder($installed) ], \@files, 'the older version is installed');
is(slurp("$installed/spoolsweep.exe"), slurp("$work/old/spoolsweep.exe"), '  its program');
is_deeply([ products() ], [ '0.0.9' ], '  and is the one product');
is(in_path(), 1, '  with an entry in PATH');
is_deeply([ grep { -e } @task ], [], '  and without a scheduled task');
make_path("$kept/archives");
for my $f ('index.db', 'journal.db', 'archives/a.tar.zst') {
	open my $h, '>', "$kept/$f" or die $!;
	print $h "kept\n";
	close $h or die $!;
}

msiexec('/i', $msi);
is_deeply([ folder($installed) ], \@files, 'the upgrade');
is(slurp("$installed/spoolsweep.exe"), slurp("$build/spoolsweep.exe"), '  brings its program');
is_deeply([ products() ], [ $version ], '  takes the place of the older product');
is(in_path(), 1, '  PATH has one entry');
like(query($log), qr/EventMessageFile\s+REG_SZ\s+C:\\Program Files\\spoolsweep\\spoolsweep\.exe$/m, '  the source of the Event Log is the program');
like(query($log), qr/TypesSupported\s+REG_DWORD\s+0x7/, '  with all types');
is(slurp("$kept/$_"), "kept\n", "  $_ is as it was") for 'index.db', 'archives/a.tar.zst';

msiexec('/i', "$work/old/spoolsweep-0.0.9-win64.msi");
is_deeply([ products() ], [ $version ], 'no way back to an older version');

# The scheduled task, when it is asked for.
msiexec('/x', $msi);
msiexec('/i', $msi, 'SCHEDULE=1');
is_deeply([ grep { !-e } @task ], [], 'SCHEDULE=1: the task is there');
like(slurp($task[0]), qr{<Command>&quot;C:[\\/]Program Files[\\/]spoolsweep[\\/]spoolsweep\.exe&quot;</Command>}, '  with the program that was installed');
# Wine does not tell a removal for an upgrade from another: the table is looked at.
like(`msiinfo export '$msi' InstallExecuteSequence`, qr/^Unschedule\tREMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE\t/m, '  which an upgrade leaves');
msiexec('/x', $msi);
is_deeply([ grep { -e } @task ], [], '  a removal takes it');
ok(!-e $installed, 'removal: the folder has gone');
is_deeply([ products() ], [], '  and the product');
is(in_path(), 0, '  and the entry in PATH');
unlike(query($log), qr/EventMessageFile/, '  and the source of the Event Log');
is(slurp("$kept/$_"), "kept\n", "  $_ stays") for 'index.db', 'journal.db', 'archives/a.tar.zst';
remove_tree($kept);
done_testing();
