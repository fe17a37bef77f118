# --stop-service on Windows: a service named MailService (windows/tests/mailservice.c) under the real service manager of Wine. What
# happens at each time that it is asked for is 2130-service.t's.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use lib dirname(__FILE__);
use Sweep;
use Test::More;

plan skip_all => 'of Windows' if !Sweep::is_windows();

my $dir = work_dir();
my $index = "$dir/i/index.db";
my $spool = "$dir/SmarterMail/Spool";
my $home = "$dir/SmarterMail/Service";		# the service's own folder
my $built = $ENV{WIN_BUILD} || top_dir() . '/build/win64';
my @yes = ('--execute', '--yes', '--archive', "$dir/a");
my $fault = "$built/spoolsweep-fault.exe";

make_path($home);
copy("$built/mailservice.exe", "$home/MailService.exe") or die "mailservice.exe: $!";
# The same under another name controls it: a process MailService.exe would be taken for the server's.
copy("$built/mailservice.exe", "$dir/other.exe") or die $!;
chmod 0755, "$home/MailService.exe", "$dir/other.exe";
mkspool('smartermail', "$dir/template", 40);

# ---- tools

sub wine {
	my ($seconds, @command) = @_;
	open my $p, '-|', top_dir() . '/windows/winerun.sh', $seconds, @command or die "winerun.sh: $!";
	my $out = do { local $/; <$p> } // '';
	close $p;
	$out =~ s/\r//g;
	return ($out, $? >> 8);
}

sub service { return wine(60, "$dir/other.exe", @_) }
sub state { return (split ' ', (service('state', 'MailService'))[0] || 'none')[0] }
sub events { return -e "$home/log" ? split /\r?\n/, slurp("$home/log") : () }
sub sql { return `sqlite3 -separator ' ' $dir/i/journal.db "$_[0]"` =~ s/\n\z//r }

sub wanted {
	my ($state) = @_;
	unlink map { "$home/$_" } qw(wait linger broken);
	my $is = state();
	service('start', 'MailService') if $state eq 'running' && $is eq 'stopped';
	service('stop', 'MailService') if $state eq 'stopped' && $is eq 'running';
	is(state(), $state, "($state)");
	unlink "$home/log";
}

# The template once more, its index, and the service as wanted.
sub fresh {
	my ($state) = @_;
	system('rm', '-rf', $spool, "$dir/i", "$dir/a", "$dir/SmarterMail/.spoolsweep-Spool") == 0 or die 'rm';
	system('cp', '-a', "$dir/template", $spool) == 0 or die 'cp';
	scan_of($index, "smartermail:$spool");
	wanted($state);
}

sub left {
	my ($account) = @_;
	sweep({ index => $index }, 'scan', '-q', "smartermail:$spool");
	return scalar grep { ($_->{account} // '') eq $account } listing($index);
}

# The program with a fault in it.
sub faulty {
	my ($env, @args) = @_;
	return begin({ env => $env, out => "$dir/out", err => "$dir/err" }, top_dir() . '/windows/winerun.sh', 0, $fault, '--index', $index, @args);
}

sub ended {
	my ($p) = @_;
	my $status = finish($p);
	return { status => $status >> 8, out => slurp("$dir/out"), err => slurp("$dir/err") };
}

sub until_it {
	my ($what, $is_so) = @_;
	for (1 .. 600) {
		return 1 if $is_so->();
		select undef, undef, undef, 0.1;
	}
	diag("never: $what");
	return 0;
}

END { local $?; service($_, 'MailService') for $dir && -e "$dir/other.exe" ? qw(stop delete) : () }

# ---- found

# Until the end of this test: without a program that runs, Wine stops its services.
system('mkfifo', "$dir/keep") == 0 or die 'mkfifo';
open my $open, '+<', "$dir/keep" or die $!;
my $keeper = begin({ in => "$dir/keep", out => "$dir/kept", err => "$dir/keep.err", seconds => 3600 }, top_dir() . '/windows/winerun.sh', 0,
    "$dir/other.exe", 'keep');
until_it('a program that stays', sub { tend($keeper); -s "$dir/kept" });

my ($out, $rc) = wine(60, "$home/MailService.exe", 'install', 'MailService', 'SmarterMail');
is($rc, 0, 'a service is installed') or BAIL_OUT($out);
fresh('running');
my %number;
$number{ $_->{account} }++ for grep { $_->{account_kind} eq 'auth' && !@{ $_->{damage} } && $_->{state} ne 'incomplete' } listing($index);
my ($top) = sort { $number{$b} <=> $number{$a} || $a cmp $b } keys %number;
my @which = ('--account', $top);
my $all = $number{$top};

my $r = sweep({ index => $index }, 'spools', '--json');
my ($row) = grep { $_->{kind} eq 'smartermail' } json_lines($r->{out});
is($row->{spool}, $spool, 'spools finds the spool beside the program of the service') or diag($r->{out}, $r->{err});
is_deeply([ @$row{qw(running service service_state)} ], [ JSON::PP::true(), 'MailService', 'running' ], '  and shows its service');
$r = sweep({ index => $index }, 'purge', @which);
like($r->{out}, qr/SmarterMail runs: --stop-service/, 'a dry run says that it runs');
like($r->{out}, qr/purge --plan \d+ --execute --stop-service/, '  and prints a command that will do');

# ---- refused
$r = sweep({ index => $index }, 'purge', @which, @yes);
is($r->{status}, 1, 'while it runs a purge is refused');
like($r->{err}, qr/--stop-service stops its service.*--live goes on/, '  and says how');
is(left($top), $all, '  nothing was taken');
is_deeply([ events() ], [], '  and the service did not notice');

# ---- done; its process lives on for a while
fresh('running');
spew("$home/linger", '1500');
{
	local $ENV{WINEDEBUG} = '-all,+advapi,+eventlog';
	$r = sweep({ index => $index }, 'purge', @which, @yes, '--stop-service');
}
is($r->{status}, 0, 'purge --stop-service') or diag($r->{err});
is(state(), 'running', '  it runs again');
is_deeply([ events() ], [ 'asked to stop', 'stopped', 'ended', 'started' ], '  was stopped, its process waited for, started once');
is(left($top), 0, '  the messages are gone');
is(sql("select name, started is null from service"), 'MailService 0', '  and the journal knows');

# ---- the Event Log: what Wine is given to write
my @wrote = $r->{err} =~ /ReportEventW (\([^\n]*)\n/g;
my %id;
$id{$_}++ for map { /,(0x[48]000000\d),/ ? $1 : $_ } @wrote;
is_deeply(\%id, { '0x40000001' => 1, '0x40000002' => 1, '0x40000004' => 2 }, 'begin, end, and the service twice are records') or
    diag(join "\n", @wrote);
like($r->{err}, qr/ReportEventW L"plan 1 \(purge\) begun by [^"]*--account/, '  with their texts');
($out) = service('text', "$built/spoolsweep.exe", $_) and is($out, "the text\n", "  the program has the message of $_")
    for qw(0x40000001 0x40000002 0x80000003 0x40000004);

# ---- stopped before
fresh('stopped');
$r = sweep({ index => $index }, 'purge', @which, @yes, '--stop-service');
is($r->{status}, 0, 'one that was stopped already') or diag($r->{err});
is(state(), 'stopped', '  stays stopped');
is_deeply([ events() ], [], '  and was never started');

# ---- killed in between
fresh('running');
unlink "$dir/calls";
ended(faulty({ SPOOLSWEEP_FAULT_LOG => "$dir/calls" }, 'purge', @which, @yes, '--stop-service'));
my @calls = map { [split /\t/] } split /\r?\n/, slurp("$dir/calls");
my ($rename) = map { $_->[0] } grep { $_->[1] eq 'sys_rename' && $_->[3] =~ /\.hdr/i } @calls;
my ($unlink) = map { $_->[0] } grep { $_->[1] eq 'sys_unlink' && $_->[3] =~ m{plan.*/\d+\.\d+$} } @calls;
ok($rename && $unlink, "a purge has " . @calls . " calls") or diag(slurp("$dir/err"));
for my $n ($rename, $unlink) {
	fresh('running');
	$r = ended(faulty({ SPOOLSWEEP_FAULT => "$n:kill" }, 'purge', @which, @yes, '--stop-service'));
	is($r->{status}, 137, "killed at call $n");
	is(state(), 'stopped', '  the service is stopped');
	like(sweep({ index => $index }, 'plans')->{err}, qr/plan 1 has stopped service MailService, which still waits/, '  plans names it');
	$r = sweep({ index => $index }, 'purge', '--resume');
	is($r->{status}, 0, '  --resume') or diag($r->{err});
	is(state(), 'running', '  starts it');
	is(left($top), 0, '  and finishes');
}

# ---- a watchdog
fresh('running');
$r = ended(faulty({ SPOOLSWEEP_FAULT => "$rename:run", SPOOLSWEEP_FAULT_RUN => "$dir/other.exe start MailService" =~ s,/,\\,gr },
    'purge', @which, @yes, '--stop-service'));
is($r->{status}, 2, 'started by something else after the first batch was begun: exit 2') or diag($r->{err});
like($r->{err}, qr/service MailService was started meanwhile by something else/, '  said');
like($r->{err}, qr/purge --resume 1 --stop-service/, '  with the command that goes on');
is(left($top) + sql('select count(*) from fate where state between 1 and 4'), $all, '  nothing is lost');
is(sql('select count(*) from service where started is null'), 0, '  and nothing waits to be started');
$r = sweep({ index => $index }, 'purge', '--resume', '--stop-service');
is($r->{status}, 0, '  --resume --stop-service') or diag($r->{err});
is(left($top), 0, '  finishes');
is(state(), 'running', '  and it runs');

# ---- restore
fresh('stopped');
is(sweep({ index => $index }, 'purge', @which, @yes)->{status}, 0, '(an archive)');
wanted('running');
my ($archive) = glob "$dir/a/*.tar.zst";
$r = sweep({ index => $index }, 'restore', $archive, '--execute', '--stop-service');
is($r->{status}, 0, 'restore --stop-service') or diag($r->{err});
is_deeply([ events() ], [ 'asked to stop', 'stopped', 'ended', 'started' ], '  stopped and started once');
is(left($top), $all, '  the messages are back');
is(sql('select plan, name, started is null from service'), '-1 MailService 0', '  and the journal knows');

# ---- Ctrl-C while it is waited for
fresh('running');
spew("$home/wait", '1');
my $slow = faulty({}, 'purge', @which, @yes, '--stop-service');
until_it('asked to stop', sub { grep { $_ eq 'asked to stop' } events() });
kill 'INT', $slow->{pid};
until_it('it is no longer waited for', sub { slurp("$dir/err") =~ /stopped while waiting/ });
unlink "$home/wait" or die $!;
$r = ended($slow);
is($r->{status}, 1, 'Ctrl-C while the service stops: exit 1') or diag($r->{err});
is(left($top), $all, '  nothing was taken');
is(state(), 'running', '  it was started again');
is(sql('select count(*) from service where started is null'), 0, '  and nothing waits');

# ---- it does not start again
fresh('running');
spew("$home/broken", '');
$r = sweep({ index => $index }, 'purge', @which, @yes, '--stop-service');
is($r->{status}, 2, 'one that does not start again: exit 2') or diag($r->{err});
like($r->{err}, qr/SERVICE MailService WAS STOPPED AND DOES NOT RUN AGAIN/, '  said');
unlink "$home/broken";
is(sweep({ index => $index }, 'purge', '--resume')->{status}, 0, '  --resume');
is(state(), 'running', '  starts it');

# ---- other services
service($_, 'MailService') for qw(stop delete);
until_it('deleted', sub { state() eq 'none' });
sub known {
	my ($o) = grep { $_->{kind} eq 'smartermail' } json_lines(sweep({ index => $index }, 'spools', '--json', @_)->{out});
	return $o ? $o->{service} : undef;
}
wine(60, "$dir/other.exe", 'install', 'MailService', 'Some other mail service');
is(known(), undef, 'another program that is called MailService is not SmarterMail');
wine(60, "$dir/other.exe", 'delete', 'MailService');
until_it('deleted', sub { state() eq 'none' });
copy("$dir/other.exe", "$home/other.exe") or die $!;
chmod 0755, "$home/other.exe";
wine(60, "$home/other.exe", 'install', 'SmSvc', 'smartermail 16');
is(known(), 'SmSvc', 'one that is shown as SmarterMail is');
wine(60, "$home/other.exe", 'delete', 'SmSvc');
done_testing();
