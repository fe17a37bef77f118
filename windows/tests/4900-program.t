#!/usr/bin/perl
# The .exe itself, and whether the runner would notice a crash: it exits with anything under Wine, 0 too.
use strict;
use warnings;
use File::Basename qw(dirname);
use Test::More;

my $build = $ENV{WIN_BUILD} or plan skip_all => 'not the Windows build';
my $here = dirname(__FILE__);
my $objdump = 'x86_64-w64-mingw32-objdump';
my %system = map { $_ => 1 } qw(advapi32 bcrypt iphlpapi kernel32 msvcrt ntdll ole32 shell32 shlwapi ws2_32);

my $text = `$objdump -p '$build/spoolsweep.exe'`;
my @dlls = map { lc s/\.dll$//ir } $text =~ /^\s*DLL Name: (\S+)/mg;
cmp_ok(scalar @dlls, '>=', 4, 'imports are seen');
is(join(' ', grep { !$system{$_} } @dlls), '', 'only libraries of the system are imported');
like($text, qr/^\s+$_$/m, "built with $_") for qw(HIGH_ENTROPY_VA DYNAMIC_BASE NX_COMPAT);
like(`$objdump -h '$build/spoolsweep.exe'`, qr/\s\.reloc\s/, 'it can be loaded anywhere');
like(`$objdump -t '$build/spoolsweep.exe' 2>&1`, qr/no symbols/, 'stripped');
my $bytes = do { open my $f, '<:raw', "$build/spoolsweep.exe" or die $!; local $/; <$f> };
like($bytes, qr{activeCodePage xmlns="[^"]+">UTF-8<}, 'the manifest asks for UTF-8');
like($bytes, qr{longPathAware xmlns="[^"]+">true<}, 'and for long paths');
my ($version) = `$ENV{SPOOLSWEEP} --version` =~ /^spoolsweep (\S+)$/;
my $wide = join '', map { "$_\0" } split //, $version // 'none';
like($bytes, qr/P\0r\0o\0d\0u\0c\0t\0V\0e\0r\0s\0i\0o\0n\0(?:\0\0)+\Q$wide\E/, 'the version resource says what --version says');

for (1 .. 3) {
	system("$here/../winerun.sh 60 '$build/crash.exe' >/dev/null 2>&1");
	isnt($?, 0, "a crash is no success ($_)");
}
# Writing past an array, with the guard that we make ourselves: another one at each start.
my %guard = map { `$here/../winerun.sh 60 '$build/smash.exe' 2>&1` =~ /^guard (\w+), 0\r?$/ ? ($1 => 1) : () } 1 .. 3;
is(scalar keys %guard, 3, 'the guard of the stack is random');
for (['stack', 'stack smashing'], ['copy', 'buffer overflow']) {
	my ($way, $what) = @$_;
	my $said = `$here/../winerun.sh 60 '$build/smash.exe' $way 2>&1`;
	is($? >> 8, 9, "$way: ended as STATUS_STACK_BUFFER_OVERRUN (0xc0000409)");
	like($said, qr/^\*\*\* $what detected \*\*\*$/m, '  and it says so');
	unlike($said, qr/^guard/m, '  and goes no further');
}
my $out = `'$here/prove' 1 '$build/crash.exe' 2>&1`;
isnt($?, 0, 'a unit test that crashes fails the suite');
$out = `'$here/prove' 1000000 '$build/unit/base.exe' 2>&1`;
isnt($?, 0, 'too few tests fail it');
like($out, qr/too few tests ran/, '  and it says so');

# Whoever uses the system's own macro outside of windows/ has found a call that belongs behind sys.h.
my $top = "$here/../..";
is(`cd '$top' && grep -rn --include='*.[ch]' _WIN32 spool index cmd tests`, '', '_WIN32 stands in windows/ alone');
done_testing();
