# purge --watch: what goes on arriving after the first plan is taken in waves, each a plan and an archive of its own, at most 5,000
# messages, at least ten seconds apart; what does not match stays; the one confirmation says so.
use strict;
use warnings;
use Fcntl qw(:flock);
use Memory qw(memory_dir);
use Test::More;
use Time::HiRes qw(sleep);
use Time::Local qw(timegm);
use Sweep;

my $dir = memory_dir(512);
my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
my ($index, $spool, $arc) = ("$dir/i/index.db", "$dir/s", "$dir/archives");
my $first = 20;		# are there when it begins
# Wine would take minutes for two full waves. There the second one comes when the first is done; what limits a wave is the same code.
my $most = is_windows() ? 100 : 5000;	# of a wave

mkspool('--seed', 5, '--fast', 'postfix', $spool, is_windows() ? 500 : 11500);
scan_of($index, "postfix:$spool");
my (%of, %path);
push @{ $of{ $_->{account} // '' } }, $_->{id} for listing($index);
my ($account) = sort { @{ $of{$b} } <=> @{ $of{$a} } } keys %of;
my @id = sort @{ $of{$account} };
my @others = sort map { @$_ } @of{ grep { $_ ne $account } keys %of };
cmp_ok(scalar @id, '>', $first + $most + 20, 'enough messages of one account: ' . @id);
cmp_ok(scalar @others, '>', 20, 'and of others: ' . @others);
for my $queue (qw(incoming active deferred hold maildrop)) {
	for my $f (glob("$spool/$queue/*"), glob("$spool/$queue/?/*")) {
		$path{$1} = $f if -f $f && $f =~ m{/(\w+)\z};
	}
}
mkdir "$dir/aside" or die $!;
sub go { my ($id) = @_; rename $path{$id}, "$dir/aside/$id" or die "$path{$id}: $!" }
sub arrive { my ($id) = @_; rename "$dir/aside/$id", $path{$id} or die "$path{$id}: $!" }
my @late = @id[$first .. $#id];
my @late_others = @others[0 .. 9];
go($_) for @late, @late_others;
scan_of($index, "postfix:$spool");
is(scalar(listing($index, '--account', $account)), $first, "$first messages of it are there at first");

sub plans { return json_lines(sweep_ok({ index => $index }, 'plans', '--json')->{out}) }

my $watch;

# Until a test is true; far longer than it ever takes.
sub wait_for {
	my ($what, $test) = @_;
	for (1 .. 4800) {
		return 1 if $test->();
		tend($watch);
		sleep(is_windows() ? 1 : 0.25);
	}
	fail("waited in vain: $what");
	return 0;
}

$watch = begin({ out => "$dir/out", err => "$dir/err", seconds => 3600 }, $program, '--index', $index, 'purge', '--account', $account, '--execute', '--yes',
    '--archive', $arc, '--watch', '30m', '--json');
# plans makes no index: the first plan is there once the journal is.
my $began = wait_for('the first plan', sub { my @p = -e "$dir/i/journal.db" ? plans() : (); @p == 1 && $p[0]{state} eq 'done' });

# Does something while no scan is at work, which would see a half of it: the program stands still, and its lock is free. Wine's cannot be
# stopped; there the ten seconds between two waves have to do.
sub at_once {
	my ($code) = @_;
	return $code->() if is_windows();
	while (1) {
		kill 'STOP', $watch->{pid};
		wait_for('it stands still', sub { slurp("/proc/$watch->{pid}/stat") =~ /\) [TZ]/ });
		open my $lock, '<', "$index.scan" or die "$index.scan: $!";
		my $is_free = flock $lock, LOCK_EX | LOCK_NB;
		$code->() if $is_free;
		close $lock;
		kill 'CONT', $watch->{pid};
		return if $is_free;
		sleep 0.05;
	}
}

if ($began) {
	my @soon = is_windows() ? @late[0 .. $most - 1] : @late;
	at_once(sub { arrive($_) for @soon, @late_others });
	wait_for('a wave', sub { my @p = plans(); @p == 2 && $p[1]{state} eq 'done' }) if @soon < @late;
	arrive($_) for @late[@soon .. $#late];
}
wait_for('two waves', sub { my @p = plans(); @p >= 3 && !grep { $_->{state} ne 'done' } @p });
# Wine makes Ctrl-C of the one, and has nothing for the other.
is(end_by($watch, is_windows() ? 'INT' : 'TERM'), 0, 'ended by a signal between two waves: exit 0') or diag slurp("$dir/err");
like(slurp("$dir/err"), qr/watching for new messages that match/, 'it says that it watches');
like(slurp("$dir/err"), qr/stopped watching; what was begun is finished/, 'and that it was stopped');

my @plan = plans();
is(scalar @plan, 3, 'three plans');
is_deeply([map { $_->{parent} } @plan], [undef, ($plan[0]{plan}) x 2], 'the waves stand under the first');
is_deeply([map { $_->{state} } @plan], [('done') x 3], 'all are done');
is_deeply([map { $_->{deleted} } @plan], [$first, $most, @late - $most], "a wave has $most messages, the next one the rest");
is_deeply([map { $_->{messages} } @plan], [map { $_->{deleted} } @plan], 'and nothing was skipped');
is(scalar(keys %{ { map { $_->{selection} => 1 } @plan } }), 1, 'all have the same selectors');
is(scalar(keys %{ { map { $_->{archive} => 1 } @plan } }), 3, 'each has an archive of its own');
is(sweep({ index => $index }, 'verify', map { $_->{archive} } @plan)->{status}, 0, 'that verifies');
my @begun = map { $_->{started} =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/ or die $_->{started}; timegm($6, $5, $4, $3, $2 - 1, $1) } @plan;
cmp_ok($begun[$_] - $begun[$_ - 1], '>=', 10, "wave $_ began ten seconds after the one before") for 1, 2;
my @rows = json_lines(slurp("$dir/out"));
is_deeply([map { $_->{deleted} } grep { exists $_->{sha256} } @rows], [map { $_->{deleted} } @plan], 'the output has the sums of each');
is_deeply([sort map { $_->{id} } grep { exists $_->{id} } @rows], \@id, 'and each message of the account once');
is(scalar(listing($index, '--account', $account)), 0, 'nothing of the account is left');
is_deeply([sort map { $_->{id} } listing($index)], \@others, 'what does not match is all there, also what came meanwhile');
is(scalar(grep { -e $path{$_} } @others), scalar(@others), 'as files, too');
my @table = split /\n/, sweep_ok({ index => $index }, 'plans')->{out};
like($table[1], qr/^\s{0,5}1 /, 'plans: the first plan');
like($table[$_], qr/^\s+$_ /, '  and its waves below it') for 2, 3;

# ---- the end by time, and the confirmation
my ($small) = sort { @{ $of{$a} } <=> @{ $of{$b} } || $a cmp $b } grep { length && $_ ne $account && @{ $of{$_} } > 1 } keys %of;
my $n = @{ $of{$small} };
my $r = sweep({ index => $index }, 'purge', '--account', 'nobody@nowhere.example', '--execute', '--yes', '--archive', $arc, '--watch', '1s');
is($r->{status}, 0, 'nothing matches until the time is over: exit 0') or diag $r->{err};
is(scalar(plans()), 3, '  and no plan was made');
SKIP: {
	skip 'Wine gets no answer from the terminal of script(1)', 4 if is_windows();
	my $script = (grep { -x "$_/script" } split /:/, $ENV{PATH} // '')[0];
	skip 'script(1) is not installed', 4 unless $script;
	my $command = "$program --index $index purge --account '$small' --execute --archive $arc --watch 1s";
	my $out = `echo $n | $script/script -qec "$command" /dev/null`;
	is(scalar(my @asked = $out =~ /Type the number of messages/g), 1, 'one confirmation');
	like($out, qr/this also covers what arrives and matches until the time of --watch is over, at most 5000 messages every 10 s/,
	    '  that says what it covers');
	is((plans())[-1]{deleted}, $n, '  and then it is done');
	is((plans())[-1]{parent}, undef, '  as a plan of its own');
}
done_testing();
