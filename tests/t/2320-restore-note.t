# What a restore leaves behind: lines in the system's log, and in the journal, so that show tells of it.
use strict;
use warnings;
use File::Basename qw(dirname);
use IO::Socket::UNIX;
use lib dirname(__FILE__);
use Sweep;
use Test::More;

my $dir = work_dir();
my $now = time;
my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';

sub purge {
	my ($index, $spool) = @_;
	scan_of($index, $spool);
	my @list = listing($index);
	my @rows = json_lines(sweep_ok({ index => $index }, 'purge', '--all', '--execute', '--yes', '--json', '--archive', "$dir/archives")->{out});
	return ($rows[-1]{archive}, @list);
}

sub history {
	my ($index, $id) = @_;
	my ($o) = json_lines(sweep_ok({ index => $index, status => [0, 3] }, 'show', '--json', $id)->{out});
	return ($o, @{ $o->{history} });
}

for my $kind (qw(postfix exim smartermail)) {
	my $spool = "$dir/$kind/Spool";
	mkdir "$dir/$kind" or die $!;
	mkspool('--now', $now, $kind, $spool, 12);
	my $index = "$dir/$kind/index.db";
	my ($archive, @list) = purge($index, $spool);
	@list = sort { $b->{arrived} cmp $a->{arrived} } @list;		# Exim would fail old ones
	my ($one, $other) = grep { $_->{queue} ne 'maildrop' && $_->{state} ne 'incomplete' } @list;

	# a dry run leaves nothing
	sweep_ok({ index => $index }, 'restore', $archive, '--id', $one->{id});
	my (undef, @h) = history($index, $one->{id});
	is_deeply([ map { $_->{state} } @h ], ['deleted'], "$kind: purged; a dry run is no restore");

	my @rows = json_lines(sweep_ok({ index => $index }, 'restore', '--json', $archive, '--id', $one->{id}, '--execute')->{out});
	is($rows[0]{state}, 'restored', '  restored');
	my $o;
	($o, @h) = history($index, $one->{id});
	is_deeply([ map { [ @$_{qw(kind state archive)} ] } @h ], [ [ 'purge', 'deleted', $archive ], [ 'restore', 'restored', $archive ] ],
	    '  show of the old id tells both');
	is_deeply([ @{ $h[1] }{qw(plan id new_id new_spool selection)} ], [ undef, $one->{id}, $rows[0]{new_id}, $spool, "--id $one->{id}" ],
	    '  the old id, the new one, and which messages were meant');
	ok($h[1]{when} ge $h[0]{when} && length $h[1]{who}, '  who and when');
	is_deeply([ @{ $h[0] }{qw(id new_id new_spool)} ], [ undef, undef, undef ], '  the plan has no new id');
	scan_of($index, $spool);
	($o, @h) = history($index, $rows[0]{new_id});
	is_deeply([ grep { $_->{kind} eq 'restore' } @h ], [ { %{ $h[-1] }, id => $one->{id}, new_id => $rows[0]{new_id} } ], '  show of the new id tells it too');
	isnt($o->{state}, 'deleted', '  which is in the spool');
	like(sweep_ok({ index => $index }, 'show', $rows[0]{new_id})->{out}, qr/restored by .* UTC, \Q$one->{id}\E as \Q$rows[0]{new_id}\E into/, '  for people');
	(undef, @h) = history($index, $other->{id});
	is_deeply([ map { $_->{kind} } @h ], ['purge'], '  and nothing is told of another message');

	# a second time it is there already, which is no restore
	sweep_ok({ index => $index, status => [3] }, 'restore', $archive, '--id', $one->{id}, '--execute');
	(undef, @h) = history($index, $rows[0]{new_id});
	is(scalar(grep { $_->{kind} eq 'restore' } @h), 1, '  exists is not noted');

	# no journal: none is made; one that cannot be written: said, and the message is back
	@rows = json_lines(sweep_ok({ index => "$dir/none-$kind/index.db" }, 'restore', '--json', $archive, '--id', $other->{id}, '--execute')->{out});
	is($rows[0]{state}, 'restored', "$kind: without an index");
	ok(!-e "$dir/none-$kind", '  none is made');
	mkdir "$dir/bad-$kind" or die $!;
	spew("$dir/bad-$kind/journal.db", 'no database of ours, and long enough to be looked at as one' x 10);
	my ($third) = grep { $_->{queue} ne 'maildrop' && $_->{id} ne $one->{id} && $_->{id} ne $other->{id} } @list;
	my $r = sweep_ok({ index => "$dir/bad-$kind/index.db" }, 'restore', '--json', $archive, '--id', $third->{id}, '--execute');
	is((json_lines($r->{out}))[0]{state}, 'restored', '  with a journal that is none of ours');
	like($r->{err}, qr/journal\.db.*goes on/, '  which is said');
}

# --reset-time: the message arrives anew, and is the same mail all the same
{
	my ($spool, $index) = ("$dir/ex-new", "$dir/ex-new.db");
	mkspool('--now', $now - 10 * 86400, 'exim', $spool, 3);
	my ($archive, $one) = purge($index, $spool);
	sweep_ok({ index => $index }, 'restore', $archive, '--id', $one->{id}, '--execute', '--reset-time');
	scan_of($index, $spool);
	my ($o, @h) = history($index, $one->{id});
	isnt($o->{arrived}, $one->{arrived}, '--reset-time: another arrival');
	is($h[-1]{kind}, 'restore', '  the restore is told');
}

# ---- the system's log, in a mount namespace of its own
SKIP: {
	skip 'Windows has no syslog; its Event Log is looked at by 3100-windows-service.t', 9 if is_windows();
	my $has = $> == 0 && system('unshare -m true 2>/dev/null') == 0;
	skip 'needs root and unshare', 9 unless $has;
	my ($spool, $index) = ("$dir/log/pf", "$dir/log/index.db");
	mkdir "$dir/log" or die $!;
	mkspool('--now', $now, 'postfix', $spool, 10);
	my ($archive, @list) = purge($index, $spool);
	mkdir "$dir/dev" or die $!;
	my $log = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$dir/dev/log") or die $!;
	$log->blocking(0);
	my $lines = sub {
		my @l;
		while (defined $log->recv(my $text, 4096)) { push @l, $text }
		return @l;
	};
	my $in_space = sub {
		my @cmd = @_;
		my $q = join ' ', map { s/'/'\\''/gr =~ s/(.*)/'$1'/sr } @cmd;
		system('unshare', '-m', 'sh', '-c', "for f in null urandom zero; do : >'$dir/dev/'\$f; mount --bind /dev/\$f '$dir/dev/'\$f; done;" .
		    " mount --rbind '$dir/dev' /dev && exec $q >'$dir/log/out' 2>'$dir/log/err' </dev/null");
		return $? >> 8;
	};
	my @ids = map { ('--id', $_->{id}) } grep { $_->{queue} ne 'maildrop' } @list;
	is($in_space->($program, '--index', $index, 'restore', $archive, @ids), 0, 'a dry run') or diag slurp("$dir/log/err");
	is_deeply([ $lines->() ], [], '  is not logged');
	is($in_space->($program, '--index', $index, 'restore', $archive, @ids[0 .. 3], '--execute'), 0, 'restore --execute') or diag slurp("$dir/log/err");
	my @l = $lines->();
	is(scalar @l, 2, '  two lines');
	like($l[0], qr/spoolsweep.*restore begun by \S+: archive \Q$archive\E, selection: --id $ids[1] --id $ids[3]/, '  at the begin');
	like($l[1], qr/restore ended by \S+: 2 restored, archive \Q$archive\E/, '  and at the end, with the counts');
	truncate $archive, (-s $archive) - 10;
	is($in_space->($program, '--index', $index, 'restore', $archive, '--execute'), 1, 'an archive that is not whole');
	@l = $lines->();
	like($l[-1], qr/restore failed by .*archive \Q$archive\E/, '  is logged as failed');
	is(scalar(grep { /[\x00-\x1f]/ } map { s/\n\z//r } @l), 0, '  lines without control bytes');
}

done_testing();
