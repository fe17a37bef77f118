# An index with a damaged page: a command says so and fails, or gives what it gives on the whole one. It never gives less.
use strict;
use warnings;
use Test::More;
use Sweep;

my $dir = work_dir();
my $whole = "$dir/whole.db";
my $damaged = "$dir/damaged.db";
my @commands = (
	[ 'rank' ], [ 'rank', '--by', 'domain' ], [ 'rank', '--by', 'campaign' ], [ 'rank', '--by', 'url' ], [ 'list', '--json' ], [ 'evidence', '--json' ]
);

mkspool('--accounts', 20, 'postfix', "$dir/postfix", 300);
scan_of($whole, '--contents', "postfix:$dir/postfix");
die 'sqlite3' if `sqlite3 '$whole' 'PRAGMA wal_checkpoint(TRUNCATE)'` !~ /^0/;
my ($size) = `sqlite3 '$whole' 'PRAGMA page_size'` =~ /(\d+)/ or die 'sqlite3';
my $bytes = slurp($whole);
my %truth = map { join(' ', @$_) => sweep_ok({ index => $whole }, @$_)->{out} } @commands;
my ($refused, $same, @wrong) = (0, 0);

for my $page (split /\n/, `sqlite3 '$whole' 'SELECT pageno FROM dbstat WHERE pageno > 1'`) {
	my $copy = $bytes;
	substr($copy, ($page - 1) * $size, 16) = 'w' x 16;
	spew($damaged, $copy);
	for my $command (@commands) {
		my $got = sweep({ index => $damaged }, @$command);
		my $is_refused = $got->{status} == 1 && $got->{err} =~ /\Q$damaged\E.*(malformed|is damaged).*\(move it away, and scan again\)/;
		my $is_same = $got->{status} == 0 && $got->{out} eq $truth{"@$command"};
		$refused += $is_refused;
		$same += $is_same;
		push @wrong, "page $page: @$command: $got->{status} $got->{err}" if !$is_refused && !$is_same;
	}
}
is_deeply(\@wrong, [], 'each damaged page is told, or not needed');
cmp_ok($refused, '>', 0, "told $refused times");
cmp_ok($same, '>', 0, "not needed $same times");

# A scan over it: what was published before stays, or the scan says what is wrong.
my ($page) = `sqlite3 '$whole' "SELECT pageno FROM dbstat WHERE name = 'message' AND pagetype = 'leaf' LIMIT 1"` =~ /(\d+)/ or die 'sqlite3';
substr(my $copy = $bytes, ($page - 1) * $size, 16) = 'w' x 16;
spew($damaged, $copy);
my $got = sweep({ index => $damaged }, 'scan', "postfix:$dir/postfix");
is($got->{status}, 1, 'a scan into it fails');
like($got->{err}, qr/malformed \(move it away, and scan again\)/, '  and says what to do');

done_testing();
