# purge, hold, release, plans, show: what they say and exit with when they really do it.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Sweep;
use Test::More;

my $dir = work_dir();
my $index = "$dir/index.db";
my $arc = "$dir/archives";
my @opt = ('--archive', $arc, '--yes', '--json');

sub run {
	my @args = @_;
	my $opt = ref $args[0] ? shift @args : { index => $index };
	my $r = sweep($opt, @args);
	my @rows = json_lines($r->{out});
	return { %$r, sums => pop @rows, rows => \@rows };
}

sub adds_up {
	my ($s, $name) = @_;
	is($s->{before} + $s->{arrived}, $s->{after} + $s->{deleted} + $s->{kept} + $s->{vanished}, $name);
}

mkspool('postfix', "$dir/pf", 300);
mkspool('exim', "$dir/ex", 100);
scan_of($index, "$dir/pf", "$dir/ex");
my @all = listing($index);
my %number;
$number{ $_->{account} }++ for grep { defined $_->{account} } @all;
my ($top, $second) = sort { $number{$b} <=> $number{$a} || $a cmp $b } keys %number;

# ---- not done: each way that leaves the spool as it is
my $r = sweep({ index => $index }, 'purge', '--all', '--execute', '--yes', '--archive', "$dir/pf/archive");
is($r->{status}, 1, 'an archive inside the spool is exit 1');
like($r->{err}, qr/lies in the spool|inside/, '  and said');
ok(!-e "$dir/pf/archive", '  and no such folder is made in it');
mkdir "$dir/open" or die $!;
chmod 0755, "$dir/open";
$r = sweep({ index => $index }, 'purge', '--all', '--execute', '--yes', '--archive', "$dir/open");
is($r->{status}, 1, 'an archive folder that is open to others is exit 1');
is(scalar(listing($index)), scalar(@all), 'nothing was taken');
SKIP: {
	skip 'Wine gets no answer from the terminal of script(1)', 4 if is_windows();
	my $script = (grep { -x "$_/script" } split /:/, $ENV{PATH} // '')[0];
	skip 'script(1) is not installed', 4 unless $script;
	my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
	my $command = "$program --index $index purge --account '$second' --limit 2 --execute --archive $arc";
	my $out = `(sleep 1; echo 1) | $script/script -qec "$command" /dev/null`;
	like($out, qr/Type the number of messages/, 'a terminal is asked for the number');
	like($out, qr/not confirmed: nothing was touched/, 'a wrong one is no confirmation');
	is(scalar(listing($index)), scalar(@all), 'nothing was taken');
	my $json = `(sleep 1; echo 1) | $script/script -qec "$command --json" /dev/null`;
	like($json, qr/plan \d+: 2 messages .*Type the number/s, 'with --json, which has no report, the number is said');
}
for my $empty ('--limit', '--level', '--retry-busy', '--threads', '--archive') {
	$r = sweep({ index => $index }, 'purge', '--all', '--execute', @opt, $empty, '');
	is($r->{status}, 64, "$empty with an empty value, of a variable that is not set, is no purge of everything");
}
is(sweep({ index => $index }, 'purge', '--plan', '', '--execute', '--yes')->{status}, 64, 'nor is --plan');
is(scalar(listing($index)), scalar(@all), 'nothing was taken');

# ---- purge
my $d = run('purge', '--account', $top, '--json', '--archive', $arc);
my $plan = $d->{sums}{plan};
my $p = run({ index => $index, dir => $dir }, 'purge', '--plan', $plan, '--execute', '--archive', 'archives', '--yes', '--json');
is($p->{status}, 0, "purge of $top") or diag($p->{err});
is($p->{sums}{deleted}, $number{$top}, '  all are deleted');
is_deeply([ sort map { $_->{id} } @{ $p->{rows} } ], [ sort map { $_->{id} } @{ $d->{rows} } ], '  those that were planned');
ok(!(grep { $_->{state} ne 'deleted' } @{ $p->{rows} }), '  each says so');
adds_up($p->{sums}, '  before + arrived = after + deleted + vanished');
is_deeply([ @{ $p->{sums} }{qw(before arrived vanished kept)} ], [ scalar(@all), 0, 0, 0 ], '  nothing came or went meanwhile');
like($p->{sums}{archive}, qr{^\Q$arc\E/[^/]+-plan$plan\.tar\.zst$}, '  the archive has an absolute name');
SKIP: {
	skip 'modes are POSIX', 2 if is_windows();
	is((stat $p->{sums}{archive})[2] & 07777, 0600, '  and mode 0600');
	is((stat $arc)[2] & 07777, 0700, '  in a folder of mode 0700');
}
is((split ' ', `sha256sum '$p->{sums}{archive}'`)[0], $p->{sums}{sha256}, '  its SHA-256 is the one that was told');
ok(!-e "$dir/$_/.spoolsweep", "  no private folder stays in $_") for qw(pf ex);
is(scalar(listing($index, '--account', $top)), 0, '  and the index knows');
is(scalar(listing($index)), @all - $number{$top}, '  of no other');
my ($row) = grep { $_->{plan} == $plan } json_lines(sweep({ index => $index }, 'plans', '--json')->{out});
is($row->{state}, 'done', 'plans: done');
is($row->{deleted}, $number{$top}, '  with the count');
is($row->{archive}, $p->{sums}{archive}, '  and the archive');
is(sweep({ index => $index }, 'purge', '--plan', $plan, '--execute', @opt)->{status}, 1, 'a plan is carried out once');
is(sweep({ index => $index }, 'purge', '--resume', $plan)->{status}, 0, 'and is not to be resumed');
$r = sweep({ index => $index }, 'purge', '--undo', $plan, '--execute');
is($r->{status}, 3, 'undo of a plan that deleted is exit 3');
like($r->{err}, qr/deleted; they are in \Q$p->{sums}{archive}\E/, '  and names the archive');

# ---- show
my $id = $d->{rows}[0]{id};
my ($shown) = json_lines(sweep({ index => $index }, 'show', '--json', $id)->{out});
is($shown->{state}, 'deleted', 'show: deleted');
is(scalar(@{ $shown->{history} }), 1, '  one plan did it');
is_deeply([ sort keys %{ $shown->{history}[0] } ], [ sort qw(plan kind state when who selection archive id new_id new_spool) ], '  keys of the history');
is_deeply([ @{ $shown->{history}[0] }{qw(plan kind state archive)} ], [ $plan, 'purge', 'deleted', $p->{sums}{archive} ], '  and what they say');
like(sweep({ index => $index }, 'show', $id)->{out}, qr/deleted by plan $plan \(purge\) of \S+ at \S+ on .*; archive \Q$p->{sums}{archive}\E/,
    '  in words too');

# ---- what changed, what has gone
my ($a, $b, $c) = grep { $_->{kind} eq 'postfix' && $_->{queue} eq 'deferred' && $_->{size} < 65536 } listing($index);
my %file;
for my $m ($a, $b, $c) {
	my ($o) = json_lines(sweep({ index => $index }, 'show', '--json', $m->{id})->{out});
	$file{ $m->{id} } = "$dir/pf/" . $o->{files}[0]{path};
}
$d = run('purge', '--json', map { ('--id', $_->{id}) } $a, $b, $c);
is($d->{sums}{planned}, 3, 'three messages are planned');
system('cp', '-p', $file{ $a->{id} }, "$dir/copy") == 0 or die 'cp';
spew($file{ $a->{id} } . '.new', slurp("$dir/copy"), 0700);
rename $file{ $a->{id} } . '.new', $file{ $a->{id} } or die $!;	# the same name and bytes, another inode
unlink $file{ $b->{id} } or die $!;
$p = run('purge', '--plan', $d->{sums}{plan}, '--execute', @opt);
is($p->{status}, 3, 'skipped messages are exit 3');
my %state = map { $_->{id} => $_->{state} } @{ $p->{rows} };
is_deeply([ map { $state{ $_->{id} } } $a, $b, $c ], [qw(changed gone deleted)], 'changed, gone and deleted');
is(slurp($file{ $a->{id} }), slurp("$dir/copy"), 'what changed is still there');
adds_up($p->{sums}, 'and the numbers add up');

# ---- hold, release
my @held = listing($index, '--account', $second);
my $h = run('hold', '--account', $second, '--execute', '--json');
is($h->{status}, 0, "hold of $second") or diag($h->{err});
is($h->{sums}{taken}, scalar(@held), '  all are taken');
is($h->{sums}{archive}, undef, '  without an archive');
adds_up($h->{sums}, '  and the numbers add up');
is(scalar(listing($index, '--account', $second)), 0, '  the queue has none');
my ($taken) = json_lines(sweep({ index => $index }, 'show', '--json', $held[0]{id}, '--spool', $held[0]{spool})->{out});
is($taken->{state}, 'taken', '  show: taken');
like(sweep({ index => $index }, 'scan', $held[0]{spool})->{err}, qr/plan $h->{sums}{plan} holds \d+ messages/, '  scan names the private folder');
$r = sweep({ index => "$dir/elsewhere/index.db" }, 'scan', $held[0]{spool});
like($r->{err}, qr/private folder \S+-plan$h->{sums}{plan}-[0-9a-f]{8} holds messages that a plan unknown/, '  with another index too');
$r = sweep({ index => $index }, 'release', '--id', $held[0]{id});
is($r->{status}, 0, 'release is dry');
like($r->{err}, qr/^spoolsweep: 1 message would be put back/m, '  and counts what the selectors name');
$r = run('release', '--id', $held[0]{id}, '--execute', '--json');
is($r->{status}, 0, 'release of one');
is_deeply([ @{ $r->{sums} }{qw(released taken)} ], [ 1, @held - 1 ], '  leaves the others held');
is_deeply([ map { $_->{id} } listing($index, '--account', $second) ], [ $held[0]{id} ], '  and the queue has it back');
is(sweep({ index => $index }, 'purge', '--resume')->{status}, 0, 'what is held is not unfinished');
$r = run('purge', '--undo', $h->{sums}{plan}, '--json');
is($r->{sums}{taken}, @held - 1, '--undo without --execute touches nothing');
$r = run('release', '--execute', '--json');
is($r->{sums}{released}, scalar(@held), 'release of all');
is(scalar(listing($index, '--account', $second)), scalar(@held), '  they are back');
ok(!-e "$dir/$_/.spoolsweep", "  and no private folder is left in $_") for qw(pf ex);
is(sweep({ index => $index }, 'release', '--execute')->{status}, 0, 'nothing is held: exit 0');
for my $n ($plan, 999) {
	is(sweep({ index => $index }, 'release', '--plan', $n, @$_)->{status}, 1, "release --plan $n, which is none of hold: exit 1 @$_")
	    for [], ['--execute'];
}

# ---- --scan makes the plan from what is there now
mkspool('--seed', 7, 'exim', "$dir/new", 20);
$d = run({ index => "$dir/fresh/index.db" }, 'purge', '--scan', '--spool', "exim:$dir/new", '--all', '--json');
is($d->{status}, 0, '--scan needs no scan before');
is($d->{sums}{planned}, 20, '  and finds all');
# ---- the output cannot be written: what was done to the spool is not "spool untouched"
SKIP: {
	skip '/dev/full is not here', 6 if !-c '/dev/full';
	my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
	mkspool('postfix', "$dir/mute", 4);
	my $mute = "$dir/mute-index/index.db";
	scan_of($mute, "$dir/mute");
	my $do = sub {
		my $status = finish(begin({ out => '/dev/full', err => "$dir/mute.err" }, $program, '--index', $mute, @_));
		return ($status >> 8, slurp("$dir/mute.err"));
	};
	my ($status, $err) = $do->(qw(purge --all --limit 1));
	is($status, 1, 'a dry run that cannot print is exit 1');
	($status, $err) = $do->(qw(purge --all --limit 2 --execute --yes --archive), "$dir/mute.arc");
	is($status, 2, 'a purge that cannot print is exit 2');
	like($err, qr/stdout.*spoolsweep plans/s, '  and says where its result is to be seen');
	is((grep { $_->{plan} == 2 } json_lines(sweep({ index => $mute }, 'plans', '--json')->{out}))[0]{deleted}, 2, '  it is done');
	my ($archive) = glob "$dir/mute.arc/*.zst";
	is(($do->('restore', $archive))[0], 1, 'a dry restore: 1');
	is(($do->('restore', $archive, '--execute'))[0], 2, 'a restore: 2');
}

# ---- a spool that could not be read is in no plan, and yet what the selectors speak of
SKIP: {
	skip 'links of this kind are POSIX', 6 if is_windows();
	mkspool('postfix', "$dir/half", 6);
	mkspool('exim', "$dir/whole", 6);
	symlink 'deferred-away', "$dir/half/link" or die $!;
	rename "$dir/half/deferred", "$dir/half/deferred-away" or die $!;
	rename "$dir/half/link", "$dir/half/deferred" or die $!;
	my $half = { index => "$dir/half-index/index.db" };
	sweep({ %$half }, 'scan', "$dir/half", "$dir/whole");
	for my $what ([ '--account', 'nobody' ], [ '--all' ]) {
		my $u = run($half, 'purge', @$what, '--json');
		is_deeply($u->{sums}{unknown}, ['deferred'], "purge @$what: the queue that was not read is UNKNOWN in the sums");
		is($u->{status}, 3, '  exit 3');
	}
	my $u = run($half, 'purge', '--account', 'nobody', '--kind', 'exim', '--json');
	is_deeply($u->{sums}{unknown}, [], '  but not where the selectors do not speak of it');
	is($u->{status}, 0, '  exit 0');
}

# Two indexes in one folder share a journal: a plan of the one does not bring its spool into the other.
{
	my ($one, $two) = map { "$dir/shared/$_.db" } qw(one two);
	mkdir "$dir/shared" or die $!;
	for (['one', $one], ['two', $two]) {
		mkspool('--now', time, 'exim', "$dir/shared/$_->[0]", 20);
		scan_of($_->[1], "exim:$dir/shared/$_->[0]");
	}
	my @archive = ('--archive', "$dir/shared/archives");
	sweep_ok({ index => $one }, 'purge', '--all', '--limit', 3);
	my $r = sweep({ index => $two }, 'purge', '--plan', 1, '--execute', '--yes', @archive);
	is($r->{status}, 1, 'a plan of another index is refused');
	like($r->{err}, qr/plan 1 was made with another index of this folder: \S*two\.db does not know exim:\S*one/, '  and said');
	is(sweep_ok({ index => $two }, 'list', '-c')->{out}, "20\n", '  nor are its messages');
	is(scalar(json_lines(sweep_ok({ index => $two }, 'plans', '--json')->{out})), 1, 'numbers of plans are one series: both see it');
	sweep_ok({ index => $two }, 'hold', '--all', '--limit', 2, '--execute', '--yes');
	sweep_ok({ index => $one }, 'purge', '--plan', 1, '--execute', '--yes', @archive);
	is(sweep_ok({ index => $one }, 'list', '-c')->{out}, "17\n", 'with its own index it is carried out');
	is(scalar(grep { ($_->{plan} // 0) == 2 } json_lines(sweep_ok({ index => $one }, 'report', '--json')->{out})), 0, 'a report is of the spools of its index');
	sweep_ok({ index => "$dir/shared/new.db" }, 'release', '--execute');
	is(scalar(my @back = glob "$dir/shared/two/input/*-H"), 20, 'what is held comes back under any of them');
}

# ---- a subject as long as it may be, of bytes that are six in JSON: its message is purged with the others and comes back
{
	mkspool('smartermail', "$dir/long", 5);
	my ($eml) = sort glob "$dir/long/*.eml $dir/long/*/*.eml";
	my ($id) = $eml =~ m{([^/]+)\.eml$};
	my $bytes = 'From: "' . "\x01" x 60000 . "\" <a\@b.example>\r\nSubject: " . "\x02\x03" x 60000 . "\r\n\r\nx\r\n";
	spew($eml, $bytes);
	my $long = "$dir/long.db";
	scan_of($long, "$dir/long");
	my $r = sweep({ index => $long }, 'purge', '--all', '--execute', '--yes', '--live', '--json', '--archive', "$dir/long.archives");
	is($r->{status}, 0, 'a message with a subject of 120,000 control characters is purged') or diag $r->{err};
	my $sums = (json_lines($r->{out}))[-1];
	is($sums->{deleted}, 5, '  as the others are');
	sweep_ok({ index => $long }, 'verify', $sums->{archive});
	sweep_ok({ index => $long }, 'restore', $sums->{archive}, '--id', $id, '--execute');
	is(slurp("$dir/long/$id.eml"), $bytes, '  and comes back as it was');
}

done_testing();
