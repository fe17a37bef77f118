# --stop-service: the mail server is stopped for a plan and started again, whatever happens in between.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use lib dirname(__FILE__);
use Fault qw(fault_dir);
use Service;
use Sweep;
use Test::More;

plan skip_all => 'needs root, a mount namespace and a systemctl to hide'
    if !-e '/usr/bin/systemctl' || $> != 0 || system('unshare -m true 2>/dev/null') != 0;

my $dir = fault_dir();
my $index = "$dir/i/index.db";
my $spool = "$dir/sm/Spool";
my $s = new_service("$dir/sm", 'smart-' . $$);
my @yes = ('--execute', '--yes', '--archive', "$dir/a");
mkspool('smartermail', "$dir/template", 40);

# The template once more, its index, and the service as wanted.
sub fresh {
	my ($state) = @_;
	system('rm', '-rf', $spool, "$dir/i", "$dir/a", "$dir/sm/.spoolsweep-Spool") == 0 or die 'rm';
	system('cp', '-a', "$dir/template", $spool) == 0 or die 'cp';
	scan_of($index, "smartermail:$spool");
	set_service($s, $state);
}

sub sql { return `sqlite3 -separator ' ' $dir/i/journal.db "$_[0]"` =~ s/\n\z//r }

# What is in the spool now.
sub left {
	my ($account) = @_;
	sweep({ index => $index }, 'scan', '-q', "smartermail:$spool");
	return scalar grep { ($_->{account} // '') eq $account } listing($index);
}

fresh('active');
my %number;
$number{ $_->{account} }++ for grep { $_->{account_kind} eq 'auth' && !@{ $_->{damage} } && $_->{state} ne 'incomplete' } listing($index);
my ($top) = sort { $number{$b} <=> $number{$a} || $a cmp $b } keys %number;
my @which = ('--account', $top);
my $all = $number{$top};
cmp_ok($all, '>=', 3, "$top has $all messages");

# ---- told
my $r = service_run($s, $index, 'spools', '--json');
my ($row) = grep { $_->{kind} eq 'smartermail' } json_lines($r->{out});
is($row->{spool}, $spool, 'spools finds the spool beside the program of the service') or diag($r->{out}, $r->{err});
is_deeply([ @$row{qw(running service service_state)} ], [ JSON::PP::true(), 'smartermail.service', 'running' ], '  and shows its service');
like(service_run($s, $index, 'spools')->{out}, qr/smartermail\.service running/, '  in the table too');
$r = service_run($s, $index, 'purge', @which);
like($r->{out}, qr/SmarterMail runs: --stop-service/, 'a dry run says that it runs');
like($r->{out}, qr/purge --plan \d+ --execute --stop-service/, '  and prints a command that will do');

# ---- refused
$r = service_run($s, $index, 'purge', @which, @yes);
is($r->{status}, 1, 'while it runs a purge is refused');
like($r->{err}, qr/--stop-service stops its service.*--live goes on/, '  and says how');
is(left($top), $all, '  nothing was taken');
ok(!grep({ $_ ne 'show' } calls($s)), '  and the service was only asked');
is(service_run($s, $index, 'purge', @which, @yes, '--stop-service', $_->[0], @$_[1 .. $#$_])->{status}, 64, "not beside $_->[0]")
    for [ '--live' ], [ '--watch', '10s' ];
on_call($s, 'before', 'show', 'touch $d/mute');
$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
is($r->{status}, 1, 'without a service manager --stop-service is refused');
like($r->{err}, qr/service manager cannot be asked.*stop the mail server by hand/, '  and says why');
is(left($top), $all, '  nothing was taken');

# ---- done
fresh('active');
on_call($s, 'before', 'stop', "sqlite3 $dir/i/journal.db 'select name, started is null from service' >> \$d/seen");
$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
is($r->{status}, 0, 'purge --stop-service') or diag($r->{err});
is_deeply([ grep { $_ ne 'show' } calls($s) ], [qw(stop start)], '  stopped once and started once');
is(slurp("$s->{fake}/seen"), "smartermail.service|1\n", '  the journal knew it before');
is(service_state($s), 'active', '  it runs again');
is(left($top), 0, '  the messages are gone');
like($r->{err}, qr/stopping service smartermail\.service \(The mail server\).*service smartermail\.service runs again/s, '  and it was said');
($row) = json_lines(sweep({ index => $index }, 'plans', '--json')->{out});
is_deeply([ @$row{qw(state service service_waits)} ], [ 'done', 'smartermail.service', JSON::PP::false() ], '  plans knows');

fresh('inactive');
$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
is($r->{status}, 0, 'one that was stopped already') or diag($r->{err});
is_deeply([ grep { $_ ne 'show' } calls($s) ], [], '  is neither stopped nor started');
is(service_state($s), 'inactive', '  and stays stopped');

fresh('active');
$r = service_run($s, $index, 'hold', @which, '--execute', '--stop-service');
is($r->{status}, 0, 'hold --stop-service') or diag($r->{err});
is(service_state($s), 'active', '  it runs again');
is(left($top), 0, '  the messages are held');
$r = service_run($s, $index, 'release', '--execute', '--stop-service');
is($r->{status}, 0, 'release --stop-service') or diag($r->{err});
is(left($top), $all, '  they are back');
is_deeply([ grep { $_ ne 'show' } calls($s) ], [qw(stop start stop start)], '  stopped and started for each');

# ---- it cannot be stopped, or not be started
fresh('active');
on_call($s, 'before', 'stop', 'exit 1');
$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
is($r->{status}, 1, 'one that cannot be stopped: exit 1');
is(left($top), $all, '  nothing was taken');
is(service_state($s), 'active', '  it runs');
is(sql('select count(*) from service where started is null'), 0, '  and waits for nothing');

for my $signal (qw(INT TERM HUP)) {	# HUP: the line to the server is lost
	fresh('active');
	on_call($s, 'after', 'stop', 'touch $d/zombie; launch; echo inactive > $d/state; echo 0 > $d/n');
	on_call($s, 'before', 5, "kill -$signal \$PPID");
	on_call($s, 'before', 'start', 'kill -9 $(cat $d/pid)');
	$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
	is($r->{status}, 1, "as long as its process runs it is waited for, and SIG$signal ends that");
	like($r->{err}, qr/stopped while waiting/, '  which is said');
	is(left($top), $all, '  nothing was taken');
	is(service_state($s), 'active', '  and it was started again') or diag($r->{err});
}

fresh('active');
spew("$s->{fake}/broken", '');
$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
is($r->{status}, 2, 'one that does not start again: exit 2');
like($r->{err}, qr/DOES NOT RUN AGAIN.*purge --resume 1/, '  and said');
is(left($top), 0, '  the purge itself is done');
like(sweep({ index => $index }, 'plans')->{err}, qr/plan 1 has stopped service smartermail\.service, which still waits/, '  plans names it');
unlink "$s->{fake}/broken";
$r = service_run($s, $index, 'purge', '--resume');
is($r->{status}, 0, '  --resume starts it') or diag($r->{err});
is(service_state($s), 'active', '  it runs');
is(sweep({ index => $index }, 'plans')->{err}, '', '  and plans has nothing to name');
is(service_run($s, $index, 'purge', '--resume')->{err}, "spoolsweep: no plan is unfinished\n", '  nor --resume');

# ---- killed, interrupted, started by a watchdog: at each time that the service manager is asked
fresh('active');
service_run($s, $index, 'purge', @which, @yes, '--stop-service');
my @calls = calls($s);
my ($stop) = grep { $calls[$_] eq 'stop' } 0 .. $#calls;
my ($start) = grep { $calls[$_] eq 'start' } 0 .. $#calls;
cmp_ok($start - $stop, '>=', 5, 'the service is looked at while the plan is carried out: ' . join ' ', @calls);

my (@bad, %seen);
for my $when ('before', 'after') {
	for my $n (1 .. @calls) {
		fresh('active');
		on_call($s, $when, $n, 'kill -9 $PPID');
		$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
		$seen{killed}++ if $r->{signal} == 9;
		my $state = service_state($s);
		$seen{"left $state"}++;
		my $waits = sql('select count(*) from service where started is null');
		push @bad, "$when $n: stopped, and the journal does not know" if $state eq 'inactive' && !$waits;
		my $named = sweep({ index => $index }, 'plans')->{err} =~ /still waits to be started/;
		push @bad, "$when $n: plans does not name it" if $waits && !$named;
		unlink "$s->{fake}/$when-$n";
		$r = service_run($s, $index, 'purge', '--resume', '--stop-service', '--archive', "$dir/a");
		push @bad, "$when $n: resume: $r->{status} $r->{err}" if $r->{status} != 0;
		push @bad, "$when $n: it does not run" if service_state($s) ne 'active';
		push @bad, "$when $n: it waits" if sql('select count(*) from service where started is null');
		# Before the journal was written nothing was begun.
		my $want = sql('select count(*) from service') || sql('select state from plan') > 0 ? 0 : $all;
		push @bad, "$when $n: " . left($top) . " left, not $want" if left($top) != $want;
	}
}
is_deeply(\@bad, [], "killed at each of " . 2 * @calls . " times: resumed and started again (" . join(', ', map { "$_ $seen{$_}" } sort keys %seen) . ')')
    or diag(join "\n", @bad);

(@bad, %seen) = ();
for my $n ($stop + 2 .. $start) {	# calls count from 1: from the first behind the stop to the last before the start
	fresh('active');
	on_call($s, 'before', $n, 'launch; rm -f $d/before-*');
	$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
	$seen{"exit $r->{status}"}++;
	push @bad, "$n: $r->{status} $r->{err}" if $r->{status} != 0 && $r->{err} !~ /was started (?:meanwhile|again at once) by something else/;
	push @bad, "$n: started twice" if grep { $_ eq 'start' } calls($s);
	push @bad, "$n: it waits" if sql('select count(*) from service where started is null');
	if ($r->{status} != 0) {
		push @bad, "$n: no advice: $r->{err}" if $r->{status} == 2 && $r->{err} !~ /purge --resume 1 --stop-service/;
		my $taken = sql('select count(*) from fate where state between 1 and 4');
		push @bad, "$n: lost: " . left($top) . " + $taken" if left($top) + $taken != $all;
		my $plain = service_run($s, $index, 'purge', '--resume', 1);
		push @bad, "$n: resumed beside a running server" if $plain->{status} == 0 && sql('select state from plan') < 4;
		# One that was never begun is not resumed.
		$r = sql('select state from plan') == 0 ? service_run($s, $index, 'purge', '--plan', 1, @yes, '--stop-service') :
		    service_run($s, $index, 'purge', '--resume', 1, '--stop-service');
		push @bad, "$n: resume: $r->{status} $r->{err}" if $r->{status} != 0;
	}
	push @bad, "$n: it does not run" if service_state($s) ne 'active';
	push @bad, "$n: left" if left($top) != 0;
}
is_deeply(\@bad, [], 'started by something else at each look: noticed, nothing lost (' . join(', ', map { "$_: $seen{$_}" } sort keys %seen) . ')')
    or diag(join "\n", @bad);
cmp_ok($seen{'exit 2'} // 0, '>=', 1, '  at least once when messages were taken already');

(@bad, %seen) = ();
for my $n ($stop + 1 .. $start) {
	fresh('active');
	on_call($s, 'before', $n, 'kill -INT $PPID');
	$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
	$seen{"exit $r->{status}"}++;
	push @bad, "$n: died $r->{signal}" if $r->{signal};
	push @bad, "$n: it does not run: $r->{err}" if service_state($s) ne 'active';
	push @bad, "$n: it waits" if sql('select count(*) from service where started is null');
	$r = service_run($s, $index, 'purge', '--resume', '--stop-service');
	push @bad, "$n: resume: $r->{status} $r->{err}" if $r->{status} != 0;
	push @bad, "$n: it does not run after the resume" if service_state($s) ne 'active';
}
is_deeply(\@bad, [], 'Ctrl-C at each look: it runs again (' . join(', ', map { "$_: $seen{$_}" } sort keys %seen) . ')') or diag(join "\n", @bad);

# ---- two at once
fresh('active');
my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
on_call($s, 'before', $stop + 3, "$program --index $index purge --resume 1 --stop-service > \$d/other 2>&1; echo \$? >> \$d/other");
$r = service_run($s, $index, 'purge', @which, @yes, '--stop-service');
is($r->{status}, 0, 'another run meanwhile') or diag($r->{err});
like(slurp("$s->{fake}/other"), qr/process \d+ has stopped the service and is at work.*^2$/ms, '  keeps off');
is_deeply([ grep { $_ eq 'start' } calls($s) ], ['start'], '  and does not start it');

# ---- restore
sub make_archive {
	fresh('inactive');
	my $r = service_run($s, $index, 'purge', @which, @yes);
	is($r->{status}, 0, '(an archive)') or diag($r->{err});
	my ($made) = glob "$dir/a/*.tar.zst";
	mkdir "$dir/kept";
	rename $made, "$dir/kept/" . basename($made) or die $!;
	return "$dir/kept/" . basename($made);
}

# Without the archive's messages, without a journal, and the service as wanted.
sub without {
	my ($state) = @_;
	fresh($state);
	for my $m (grep { ($_->{account} // '') eq $top } listing($index)) {
		my @files = glob "$spool/$m->{id}.* $spool/*/$m->{id}.*";
		unlink @files or die "$m->{id}: $!" if @files;
	}
	is(left($top), 0, '(they are gone)');
	set_service($s, $state);
}

my $archive = make_archive();
my @back = ('restore', $archive, '--execute');
without('active');
$r = service_run($s, $index, @back);
is($r->{status}, 0, 'restore beside a running server') or diag($r->{err});
is_deeply([ calls($s) ], [], '  asks for no service');
is(left($top), $all, '  the messages are back');
is(service_run($s, $index, 'restore', $archive, '--as', 'eml', "$dir/eml", '--stop-service')->{status}, 64, 'no --stop-service with --as');

without('active');
on_call($s, 'before', 'stop', "sqlite3 $dir/i/journal.db 'select plan, name, started is null from service' >> \$d/seen");
unlink "$s->{fake}/seen";
$r = service_run($s, $index, @back, '--stop-service');
is($r->{status}, 0, 'restore --stop-service') or diag($r->{err});
is_deeply([ grep { $_ ne 'show' } calls($s) ], [qw(stop start)], '  stopped once and started once');
is(slurp("$s->{fake}/seen"), "-1|smartermail.service|1\n", '  a journal was made, and knew it before');
is(service_state($s), 'active', '  it runs again');
is(left($top), $all, '  the messages are back');
@calls = calls($s);

without('inactive');
$r = service_run($s, $index, @back, '--stop-service');
is($r->{status}, 0, 'one that was stopped already') or diag($r->{err});
is_deeply([ grep { $_ ne 'show' } calls($s) ], [], '  is neither stopped nor started');

without('active');
on_call($s, 'before', 'stop', 'exit 1');
$r = service_run($s, $index, @back, '--stop-service');
is($r->{status}, 1, 'one that cannot be stopped: exit 1');
is(left($top), 0, '  nothing was put back');
is(sql('select count(*) from service where started is null'), 0, '  and waits for nothing');

spew("$dir/half", substr slurp($archive), 0, 2000);
without('active');
isnt(service_run($s, $index, 'restore', "$dir/half", '--execute', '--stop-service')->{status}, 0, 'an archive that is not whole');
is_deeply([ calls($s) ], [], '  stops nothing');

without('active');
spew("$s->{fake}/broken", '');
$r = service_run($s, $index, @back, '--stop-service');
is($r->{status}, 2, 'one that does not start again: exit 2');
like($r->{err}, qr/DOES NOT RUN AGAIN.*purge --resume$/m, '  and said');
like(sweep({ index => $index }, 'plans')->{err}, qr/restore 1 has stopped .*still waits/, '  plans names it');
unlink "$s->{fake}/broken";
$r = service_run($s, $index, 'purge', '--resume');
is($r->{status}, 0, '  --resume starts it') or diag($r->{err});
is(service_state($s), 'active', '  it runs');

(@bad, %seen) = ();
for my $when ('before', 'after') {
	for my $n (1 .. @calls) {
		without('active');
		on_call($s, $when, $n, 'kill -9 $PPID');
		$r = service_run($s, $index, @back, '--stop-service');
		$seen{killed}++ if $r->{signal} == 9;
		my $state = service_state($s);
		$seen{"left $state"}++;
		my $waits = sql('select count(*) from service where started is null');
		push @bad, "$when $n: stopped, and the journal does not know" if $state eq 'inactive' && !$waits;
		unlink "$s->{fake}/$when-$n";
		my @again = $n % 2 ? ('--stop-service') : ();	# whoever goes on starts it
		$r = service_run($s, $index, @back, @again);
		push @bad, "$when $n: again: $r->{status} $r->{err}" if $r->{status} !~ /^[03]$/;
		push @bad, "$when $n: it does not run" if service_state($s) ne 'active';
		push @bad, "$when $n: it waits" if sql('select count(*) from service where started is null');
		push @bad, "$when $n: " . left($top) . " back, not $all" if left($top) != $all;
	}
}
is_deeply(\@bad, [], "restore killed at each of " . 2 * @calls . " times: started again (" . join(', ', map { "$_ $seen{$_}" } sort keys %seen) . ')')
    or diag(join "\n", @bad);

my ($begin, $end) = map { my $verb = $_; (grep { $calls[$_] eq $verb } 0 .. $#calls)[0] } qw(stop start);
(@bad, %seen) = ();
for my $n ($begin + 2 .. $end) {
	without('active');
	on_call($s, 'before', $n, 'launch; rm -f $d/before-*');
	$r = service_run($s, $index, @back, '--stop-service');
	$seen{"exit $r->{status}"}++;
	push @bad, "$n: $r->{status} $r->{err}" if $r->{status} != 0 && $r->{err} !~ /was started (?:meanwhile|again at once) by something else/;
	push @bad, "$n: started twice" if grep { $_ eq 'start' } calls($s);
	push @bad, "$n: it does not run" if service_state($s) ne 'active';
	push @bad, "$n: it waits" if sql('select count(*) from service where started is null');
	$r = service_run($s, $index, @back);
	push @bad, "$n: again: $r->{status} $r->{err}" if $r->{status} !~ /^[03]$/ || left($top) != $all;
}
is_deeply(\@bad, [], 'started by something else at each look: noticed (' . join(', ', map { "$_: $seen{$_}" } sort keys %seen) . ", @calls)")
    or diag(join "\n", @bad);

service_end($s);
done_testing();
