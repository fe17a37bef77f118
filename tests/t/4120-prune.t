# prune: a dry run says exactly what goes and touches nothing; what is in a spool, held, unfinished or archived stays as it is.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Sweep;
use Test::More;

my $dir = work_dir();
my $index = "$dir/index.db";
my $now = time;
my $sqlite = (grep { -x "$_/sqlite3" } split /:/, $ENV{PATH} // '')[0];

sub one { my (@args) = @_; return (json_lines(sweep_ok({ index => $index }, '--json', @args)->{out}))[0] }
sub plans { return json_lines(sweep_ok({ index => $index }, 'plans', '--json')->{out}) }
sub sql { my ($file, $text) = @_; my $out = `sqlite3 '$dir/$file' "$text"`; die "sqlite3: $text" if $?; chomp $out; return $out }

# live rows of the index with all their texts, and the ranking
sub living {
	my $rows = sweep_ok({ index => $index, status => [ 0, 3 ] }, 'list', '--json', '-q')->{out};
	return $rows . sweep_ok({ index => $index, status => [ 0, 3 ] }, 'rank', '--json', '-q')->{out};
}

# ---- an index with everything: purged, held, delivered, planned only, undone
mkspool('--seed', 5, '--damage', '--now', $now, 'exim', "$dir/exim", 600);
scan_of($index, "exim:$dir/exim");
my @purge = ('purge', '-q', '--live', '--execute', '--yes', '--archive', "$dir/archives");
sweep_ok({ index => $index, status => [ 0, 3 ] }, @purge, '--account', 'info@atlas-tours.example');
my ($held) = grep { !@{ $_->{damage} } } listing($index, '--account', 'news@garden-shop.example');
sweep_ok({ index => $index, status => [ 0, 3 ] }, 'hold', '-q', '--live', '--execute', '--id', $held->{id});
sweep_ok({ index => $index }, 'purge', '-q', '--null-sender');	# a dry run
my ($gone) = grep { $_->{id} ne $held->{id} && !@{ $_->{damage} } } listing($index, '--account', 'news@garden-shop.example');
unlink glob "$dir/exim/input/$gone->{id}-?";
scan_of($index, "exim:$dir/exim");
scan_of($index, "exim:$dir/exim");
my @before = plans();
is(join(' ', map { $_->{state} } @before), 'done held planned', 'three plans');
my $living = living();
my ($removed) = map { $_->{deleted} } @before;

# ---- the dry run
my $nothing = one(qw(prune --older 1d));
is(join(' ', map { $nothing->{$_} } qw(messages texts scans plans plan_messages)), '0 0 0 0 0', 'nothing is a day old');
my $dry = one(qw(prune --older 0));
ok(!$dry->{executed}, 'a dry run is no execution');
is($dry->{messages}, $removed + 1, 'purged messages and the one that was delivered; not the held one');
is($dry->{plans}, 2, 'the purge and the dry run');
is($dry->{kept_plans}, 1, 'not the hold');
cmp_ok($dry->{texts}, '>', 50, 'and texts of theirs');
is(living(), $living, 'nothing was touched');
is(scalar(plans()), 3, 'no plan either');
is(one(qw(prune --older 0))->{messages}, $dry->{messages}, 'the same again');
like(sweep_ok({ index => $index }, qw(prune --older 0))->{out}, qr/^Would be forgotten.*Nothing was touched.*prune --older 0 --execute\n/s, 'for people');

# ---- the execution
my $done = one(qw(prune --older 0 --execute));
is(join(' ', map { $done->{$_} } qw(messages texts scans plans plan_messages kept_plans)), join(' ', map { $dry->{$_} } qw(messages texts scans plans plan_messages kept_plans)),
    'what the dry run said');
cmp_ok($done->{index_after} + $done->{journal_after}, '<', $done->{index_before} + $done->{journal_before}, 'the files are smaller');
is(living(), $living, 'messages in the spool, with all their texts, and the ranking are as they were');
is(join(' ', map { $_->{state} } plans()), 'held', 'the hold is there');
my ($again) = scan_of($index, "exim:$dir/exim");
is(join(' ', map { $again->{$_} } qw(new changed gone)), '0 0 0', 'the next scan reads nothing anew');
my $show = sweep({ index => $index }, 'show', '--json', $held->{id});
is($show->{status}, 0, 'the held message is known');
is((json_lines($show->{out}))[0]{subject}, $held->{subject}, 'with its subject');
is(sweep({ index => $index }, 'show', $gone->{id})->{status}, 1, 'the delivered one is not');
sweep_ok({ index => $index }, 'release', '-q', '--execute');
scan_of($index, "exim:$dir/exim");
is(one('list', '-c', '--id', $held->{id})->{messages}, 1, 'and can be released');
my ($archive) = glob "$dir/archives/*.tar.zst";
is(sweep({ index => $index }, 'verify', $archive)->{status}, 0, 'the archive is whole');
is(sweep({ index => $index }, 'restore', $archive)->{status}, 0, 'and could be restored');
is(one(qw(prune --older 0 --execute))->{plans}, 1, 'a plan that is over goes with the next prune');
is(scalar(plans()), 0, 'then none is left');

# ---- an unfinished plan
SKIP: {
	skip 'needs sqlite3 to look behind', 14 unless $sqlite;
	sweep_ok({ index => $index, status => [ 0, 3 ] }, @purge, '--account', 'elif@dentist.example');
	my ($plan) = plans();
	for my $state (1, 3, 4, 5, 7) {
		sql('journal.db', "update plan set state = $state");
		is(one(qw(prune --older 0))->{plans}, 0, "a plan in state $state stays");
	}
	sql('journal.db', 'update plan set state = 6; update fate set state = 1 where n = 0');
	my $kept = one(qw(prune --older 0));
	is("$kept->{plans} $kept->{kept_plans}", '0 1', 'one with a message in a private folder stays');
	is($kept->{messages}, $plan->{deleted} - 1, 'and what the index knows of that message');
	sql('journal.db', 'update fate set state = 4');

	# times: only what is older goes
	my ($old) = sql('index.db', 'select count(*) from message where gone_scan is not null');
	sql('index.db', 'update scan set finished = finished - 100 * 86400 * 1000000 where id in (select gone_scan from message)');
	is(one(qw(prune --older 99d))->{messages}, $old, '99 days: all that went 100 days ago');
	is(one(qw(prune --older 101d))->{messages}, 0, '101 days: none');

	# a column that this version does not know keeps its texts
	sql('index.db', "insert into text(hash, text) values(1, 'of a later version'); create table later(message INTEGER, phrase INTEGER);" .
	    "insert into later select 1, max(id) from text");
	$done = one(qw(prune --older 0 --execute));
	is(sql('index.db', "select count(*) from text where text = 'of a later version'"), 1, 'a text that an unknown table names stays');
	is(sql('index.db', 'pragma integrity_check; pragma foreign_key_check'), 'ok', 'the index is sound');
	is(sql('journal.db', 'pragma integrity_check; pragma foreign_key_check'), 'ok', 'the journal too');
	is(sql('index.db', 'select count(*) from scan where id in (select max(id) from scan group by spool)'), 1, 'the newest scan of a spool is there');
	is(one('list', '-c')->{messages}, (scan_of($index, "exim:$dir/exim"))[0]{messages}, 'and all messages');
}

# ---- what was read of bodies
{
	my $bodies = "$dir/bodies.db";
	mkspool('--seed', 9, '--now', $now, 'exim', "$dir/bodies", 150);
	sweep_ok({ index => $bodies, status => [ 0, 3 ] }, 'scan', '-q', '--contents', "exim:$dir/bodies");
	my @list = listing($bodies);
	unlink glob "$dir/bodies/input/$_->{id}-?" for @list[0 .. 99];
	scan_of($bodies, "exim:$dir/bodies");
	my $shown = sub { join '', map { sweep_ok({ index => $bodies, status => [ 0, 3 ] }, 'show', '--json', $_->{id})->{out} } @list[100 .. $#list] };
	my $before = $shown->();
	like($before, qr/"parts":\[\{/, 'parts are known');
	my ($n) = json_lines(sweep_ok({ index => $bodies }, '--json', qw(prune --older 0 --execute))->{out});
	is($n->{messages}, 100, 'a hundred are forgotten');
	SKIP: {
		skip 'sqlite3 is not installed', 2 unless $sqlite;
		cmp_ok(sql('bodies.db', 'select count(*) from host'), '>', 0, 'hosts of links are known');
		is(sql('bodies.db', 'select count(*) from host where host not in (select id from text)'), 0, 'none whose name was forgotten');
	}
	is($shown->(), $before, 'of the others parts, names and links are as they were');
}

# ---- mistakes
is(sweep({ index => $index }, 'prune')->{status}, 64, 'no age: 64');
is(sweep({ index => $index }, 'prune', '--older', 'soon')->{status}, 64, 'no such age: 64');
is(sweep({ index => $index }, 'prune', '--older', '1d', 'word')->{status}, 64, 'a word: 64');
is(sweep({ index => "$dir/no.db" }, 'prune', '--older', '1d', '--execute')->{status}, 1, 'no index: 1');
ok(!-e "$dir/no.db", 'and none is made');
done_testing();
