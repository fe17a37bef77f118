# The schedule of the health check: units that systemd accepts, a crontab, a task of Windows; installing and removing.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Path qw(make_path);
use Test::More;
use Sweep;

my $dir = work_dir();
my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
my @default = ('--index', '/var/lib/spoolsweep/index.db');	# of root, whoever runs the test
delete $ENV{SPOOLSWEEP_INDEX};

sub schedule { my @args = @_; return sweep('schedule', @args) }

# ---- the units
my $units = "$dir/units";
make_path($units);
is(schedule('--install', '--with', 'systemd', '--folder', $units, '--program', $program, '--every', '10m')->{status}, 0, 'units are written');
is_deeply([sort map { s{.*/}{}r } glob "$units/*"], [qw(spoolsweep-alert.service spoolsweep-check.service spoolsweep-check.timer)], 'these three');
my $service = slurp("$units/spoolsweep-check.service");
like($service, qr/^ExecStart="\Q$program\E" .*check --timeout 4m .*\$SPOOLSWEEP_CHECK_OPTIONS$/m, 'the check, with the options of /etc/default');
like($service, qr/^$_$/m, "hardened: $_") for map { quotemeta } qw(ProtectSystem=strict NoNewPrivileges=yes PrivateTmp=yes CapabilityBoundingSet=CAP_DAC_READ_SEARCH
	RestrictAddressFamilies=AF_UNIX SystemCallFilter=@system-service), 'SuccessExitStatus=1 2 3';
unlike(slurp("$units/spoolsweep-alert.service"), qr/Protect|NoNewPrivileges|CapabilityBoundingSet/, 'the alert runs in a unit without that sandbox');
like(slurp("$units/spoolsweep-check.timer"), qr/^OnUnitActiveSec=10min$/m, 'every ten minutes');
my $printed = schedule('--print', '--with', 'systemd', '--folder', $units, '--program', $program, '--every', '10m')->{out};
is($printed, join('', map { "# ---- $_\n" . slurp($_) } map { "$units/spoolsweep-$_" } qw(check.service check.timer alert.service)), '--print shows just that');
SKIP: {
	skip 'no systemd-analyze', 2 unless grep { -x "$_/systemd-analyze" } split /:/, $ENV{PATH};
	my $out = `systemd-analyze verify --man=no $units/spoolsweep-check.service $units/spoolsweep-check.timer $units/spoolsweep-alert.service 2>&1`;
	is($? >> 8, 0, 'systemd-analyze verify accepts them') or diag $out;
	is(join('', grep { /spoolsweep/ && !/spoolsweep\(1\)/ } split /^/m, $out), '', 'and says nothing of them');
	$out = `systemd-analyze security --offline=true $units/spoolsweep-check.service 2>&1`;
	my ($exposure) = $out =~ /Overall exposure level for \S+: ([\d.]+)/;
	skip 'systemd-analyze security has no --offline', 1 if !defined $exposure;
	cmp_ok($exposure, '<', 3, "systemd-analyze security: exposure $exposure");
}
$service = sweep('--index', "$dir/o dd/i.db", 'schedule', '--with', 'systemd', '--metrics', "$dir/m%1/x.prom", '--program', '/opt/a "b" $c/spoolsweep')->{out};
like($service, qr{^ExecStart="/opt/a \\"b\\" \$\$c/spoolsweep" --index "\Q$dir\E/o dd/i\.db" check .* --metrics "\Q$dir\E/m%%1/x\.prom" }m, 'odd paths are quoted');
like($service, qr{^ReadWritePaths="-\Q$dir\E/o dd"\nReadWritePaths="-\Q$dir\E/m%%1"$}m, 'only their folders are writable');

# In the unit Exim, run as root, cannot change its groups and tells nothing: a spool that nobody would look for is named for the check.
SKIP: {
	skip 'needs root and a mount namespace', 3 if $> != 0 || system('unshare -m true 2>/dev/null') != 0;
	mkspool('exim', "$dir/far", 3);
	spew("$dir/exim", "#!/bin/sh\necho 'spool_directory = $dir/far'\n", 0755);
	my $out = `unshare -m sh -c 'mount -t tmpfs none /usr/local/sbin && cp "\$1/exim" /usr/local/sbin/ && "\$0" schedule --install --with systemd --folder "\$1/units"' '$program' '$dir' 2>&1`;
	is($?, 0, 'Exim with a spool at no usual place');
	like($out, qr/SPOOLSWEEP_CHECK_OPTIONS="(?:\S+ )*exim:\Q$dir\E\/far(?: \S+)*"$/m, '  is to be named for the check');
	unlike(schedule('--install', '--with', 'systemd', '--folder', $units)->{err}, qr/CHECK_OPTIONS/, '  without one nothing is said');
}

# Under the unit's own settings, where systemd runs: what a timer would do.
SKIP: {
	skip 'systemd does not run here', 2 if $> != 0 || !-d '/run/systemd/system';
	mkspool('exim', "$dir/spool", 20);
	my @set = map { ('-p', $_) } $service =~ /^((?:Protect|Private|No|Capability|Restrict|SystemCall|Lock|Remove|UMask)\w*=.*)$/mg;
	my $out = `systemd-run --wait --pipe --collect @{[map { "'$_'" } @set]} -p ReadWritePaths=$dir '$program' --index '$dir/unit.db' check --json exim:$dir/spool 2>&1`;
	like($out, qr/"check":"messages","state":"OK","value":20,/, 'a check under the settings of the unit');
	unlike($out, qr/"check":"index","state":"CRITICAL"/, 'can write its index');
}

# With the unit's one capability, on a spool of another user whose folders nobody else may enter.
SKIP: {
	skip 'needs root and setpriv', 2 if $> != 0 || system('setpriv --no-new-privs --bounding-set=-all,+dac_read_search true 2>/dev/null') != 0;
	mkspool('postfix', "$dir/owned", 30);
	system("chown -R 65534:65534 '$dir/owned' && find '$dir/owned' -mindepth 1 -exec chmod 0700 {} +") == 0 or die 'chown';
	make_path("$dir/state");
	my $out = `setpriv --no-new-privs --bounding-set=-all,+dac_read_search '$program' --index '$dir/state/i.db' check -t 600 --json '$dir/owned'`;
	like($out, qr/"check":"messages","state":"OK","value":30,/, 'CAP_DAC_READ_SEARCH is enough to read');
	like($out, qr/"check":"index","state":"OK"/, 'and the index of root is written');
}

# ---- registering: the tools are overridable
spew("$dir/tool", "#!/bin/sh\necho \"\$*\" >>'$dir/called'\n", 0755);
{
	local $ENV{SPOOLSWEEP_SYSTEMCTL} = "$dir/tool";
	local $ENV{SPOOLSWEEP_SCHTASKS} = "$dir/tool";
	my $r = sweep('--index', "$dir/w/i.db", 'schedule', '--with', 'task', '--install', '--program', $program);
	isnt($r->{status}, 0, 'a folder that is not there is an error');
	ok(!-e "$dir/called", 'and nothing is registered');
	make_path("$dir/w");
	is(sweep('--index', "$dir/w/i.db", 'schedule', '--with', 'task', '--install', '--program', $program)->{status}, 0, 'a task');
	is(slurp("$dir/called"), "/create /tn spoolsweep health check /xml $dir/w/spoolsweep-check.xml /f\n", 'is registered from its description');
	is(sweep('--index', "$dir/w/i.db", 'schedule', '--with', 'task', '--remove')->{status}, 0, 'and removed');
	like(slurp("$dir/called"), qr{\n/delete /tn spoolsweep health check /f\n\z}, 'at the scheduler');
	ok(!-e "$dir/w/spoolsweep-check.xml", 'and its file');
	is(schedule($_, '--with', 'systemd', '--folder', '')->{status}, 64, "$_: no name of a folder is not the root") for qw(--install --remove);
	is(schedule('--remove', '--with', 'systemd', '--folder', $units)->{status}, 0, 'units are removed');
	is_deeply([glob "$units/*"], [], 'all of them');
	is(schedule('--remove', '--with', 'systemd', '--folder', $units)->{status}, 0, 'what is not there need not be removed');
	unlike(slurp("$dir/called"), qr/daemon-reload/, 'with --folder systemd is told nothing');
}

# ---- cron
my $cron = sweep(@default, 'schedule', '--with', 'cron', '--program', "/opt/it's 5%/spoolsweep", '--metrics', '/var/lib/m/x.prom')->{out};
my ($line) = grep { /^\*/ } split /\n/, $cron;
like($line, qr{^\*/5 \* \* \* \* root .* nice '/opt/it'\\''s 5\\%/spoolsweep' .*check --timeout 4m --metrics '/var/lib/m/x\.prom' .* >/dev/null$}, 'a crontab line');
like(schedule('--with', 'cron', '--every', '2h')->{out}, qr{^0 \*/2 \* \* \* root }m, 'hours too');
# what cron would hand to the shell: with the percent sign undone, it runs the program with its options
spew("$dir/it's 5%/spoolsweep", "#!/bin/sh\nfor a; do echo \"<\$a>\"; done >'$dir/args'\n", 0755);
$cron = sweep(@default, 'schedule', '--with', 'cron', '--program', "$dir/it's 5%/spoolsweep")->{out};
my ($command) = $cron =~ /^\*\/5 \* \* \* \* root (.*)$/m;
$command =~ s/\\%/%/g;
{
	local $ENV{SPOOLSWEEP_CHECK_OPTIONS} = '-w messages=7 --repeat 1d';
	local $ENV{SPOOLSWEEP_ON_ALERT} = 'mail -s "it is" root';
	is(system('/bin/sh', '-c', $command), 0, 'the line runs');
}
like(slurp("$dir/args"), qr/<check>\n<--timeout>\n<4m>\n<--on-alert>\n<mail -s "it is" root>\n<-w>\n<messages=7>\n<--repeat>\n<1d>\n\z/, 'with its options');

# ---- the task, byte for byte
my $task = sweep('--index', '/x/i & j.db', 'schedule', '--with', 'task', '--every', '15m', '--program', '/Program Files/spoolsweep/spoolsweep.exe',
    '--metrics', '/m/x.prom')->{out};
is($task, slurp(top_dir() . '/tests/data/schedule-task.xml'), 'the task is the golden one');
SKIP: {
	skip 'no xmllint', 1 unless grep { -x "$_/xmllint" } split /:/, $ENV{PATH};
	spew("$dir/task.xml", $task);
	is(system("xmllint --noout '$dir/task.xml'"), 0, 'and well-formed');
}

# ---- mistakes
for my $m (['--install', '--remove'], ['--every', '90s'], ['--every', '0'], ['--every', '2d'], ['--with', 'at'], ['--with', 'cron', '--every', '7m'],
    ['--program', 'spoolsweep'], ['--metrics', "/x\ny"]) {
	is(schedule(@$m)->{status}, 64, "@$m: a mistake") ;
}
done_testing();
