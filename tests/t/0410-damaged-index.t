# An index or a journal with a damaged page: a command says so and fails, or gives what it gives on the whole one. It never gives less.
use strict;
use warnings;
use Test::More;
use Sweep;

my $dir = work_dir();
my $index = "$dir/index.db";
my $journal = "$dir/journal.db";

sub sql { my ($db, $text) = @_; return split /\n/, `sqlite3 '$db' "$text"` }

# Damages each page of a database in turn and runs each command.
sub damage_pages {
	my ($db, $refusal, @commands) = @_;
	my ($size) = sql($db, 'PRAGMA page_size');
	my @pages = sql($db, 'SELECT pageno FROM dbstat WHERE pageno > 1');
	my $bytes = slurp($db);
	my %truth = map { join(' ', @$_) => sweep_ok({ index => $index }, @$_)->{out} } @commands;
	my ($refused, $same, @wrong) = (0, 0);
	for my $page (@pages) {
		my $copy = $bytes;
		substr($copy, ($page - 1) * $size, 16) = 'w' x 16;
		spew($db, $copy);
		for my $command (@commands) {
			my $got = sweep({ index => $index }, @$command);
			my $is_refused = $got->{status} == 1 && $got->{err} =~ $refusal;
			my $is_same = $got->{status} == 0 && $got->{out} eq $truth{"@$command"};
			$refused += $is_refused;
			$same += $is_same;
			push @wrong, "page $page: @$command: $got->{status} $got->{err}" if !$is_refused && !$is_same;
		}
	}
	spew($db, $bytes);
	cmp_ok(scalar @pages, '>', 9, @pages . ' pages');
	is_deeply(\@wrong, [], '  damaged, each is told, or not needed');
	cmp_ok($refused, '>', 0, "  told $refused times");
	cmp_ok($same, '>', 0, "  not needed $same times");
}

mkspool('--accounts', 20, 'postfix', "$dir/postfix", 300);
scan_of($index, '--contents', "postfix:$dir/postfix");
sweep_ok({ index => $index }, 'purge', '--queue', 'deferred', '--limit', 20, '--execute', '--yes', '--archive', "$dir/archives");
sweep_ok({ index => $index }, 'hold', '--all', '--limit', 20, '--execute', '--yes');
sql($_, 'PRAGMA wal_checkpoint(TRUNCATE)') for $index, $journal;

damage_pages($index, qr/\Q$index\E.*(malformed|is damaged).*\(move it away, and scan again\)/,
    [ 'rank' ], [ 'rank', '--by', 'domain' ], [ 'rank', '--by', 'campaign' ], [ 'rank', '--by', 'url' ], [ 'list', '--json' ], [ 'evidence', '--json' ]);
damage_pages($journal, qr/\Q$journal\E.*malformed$/m,
    [ 'plans' ], [ 'plans', '-v' ], [ 'plans', '--json' ], [ 'release' ], [ 'purge', '--undo', 2 ]);

# A scan into it.
my ($size) = sql($index, 'PRAGMA page_size');
my ($page) = sql($index, "SELECT pageno FROM dbstat WHERE name = 'message' AND pagetype = 'leaf' LIMIT 1");
my $bytes = slurp($index);
substr($bytes, ($page - 1) * $size, 16) = 'w' x 16;
spew($index, $bytes);
my $got = sweep({ index => $index }, 'scan', "postfix:$dir/postfix");
is($got->{status}, 1, 'a scan into a damaged index fails');
like($got->{err}, qr/malformed \(move it away, and scan again\)/, '  and says what to do');

done_testing();
