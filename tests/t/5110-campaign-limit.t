#!/usr/bin/perl
# More prints than are kept in memory while a first scan reads bodies: they go to the index, are read back thinned and grouped, and all comes out as
# when the spool is scanned first and its bodies are read then. The build with faults keeps 255 of them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Fault;
use Sweep;
use Test::More;

my $program = fault_program() or plan skip_all => 'the build with faults is not there';
my $work = work_dir();

sub sql {
	my ($index, $text) = @_;
	open my $p, '-|', 'sqlite3', $index, $text or die "sqlite3: $!";
	local $/;
	my $out = <$p> // '';
	close $p or die "sqlite3 $text: $?";
	return $out;
}

sub scan { my ($name, @args) = @_; return sweep_ok({ index => "$work/$name.db", program => $program }, 'scan', '-q', @args) }

# Message by message: its print and the campaign that it is in.
my $all = 'SELECT m.qid, hex(p.print), p.campaign FROM message m LEFT JOIN print p ON p.id = m.print ORDER BY m.qid, p.print';

sub both {
	my ($count) = @_;
	my $spool = "exim:$work/spool-$count";
	mkspool('--campaigns', '--seed', 7, 'exim', "$work/spool-$count", $count);
	scan("once-$count", '--contents', '--threads', 3, $spool);
	scan("twice-$count", $spool);
	scan("twice-$count", '--contents', $spool);
	my ($once, $twice) = map { "$work/$_-$count.db" } qw(once twice);
	my $prints = sql($once, 'SELECT count(*) FROM print') + 0;
	is(sql($once, $all), sql($twice, $all), "$prints prints of $count messages: grouped the same");
	is(sql($once, 'SELECT count(*) FROM print WHERE campaign IS NULL'), "0\n", 'each has its campaign');
	is(sql($once, 'SELECT count(*) FROM print WHERE id NOT IN (SELECT print FROM message WHERE print IS NOT NULL)'), "0\n", 'and a message');
	is(sql($once, 'SELECT count(*) FROM message WHERE contents = 1'), "$count\n", 'all bodies are read');
	my $before = sql($once, "SELECT hex(value) FROM meta WHERE key = 'campaigns'");
	scan("once-$count", '--contents', $spool);
	is(sql($once, "SELECT hex(value) FROM meta WHERE key = 'campaigns'"), $before, 'the next scan has nothing to group');
	return $prints;
}

cmp_ok(both(900), '>', 2 * 256, 'that is more than are kept, twice over');
cmp_ok(both(200), '<', 255, 'and that is fewer: the limit is what makes the difference');

# At the very edge: one print less than the limit, as many, one more.
my ($low, $high) = (200, 900);
while ($high - $low > 1) {
	my $n = int(($low + $high) / 2);
	mkspool('--campaigns', '--seed', 7, 'exim', "$work/edge-$n", $n);
	scan("edge-$n", '--contents', "exim:$work/edge-$n");
	if (sql("$work/edge-$n.db", 'SELECT count(*) FROM print') < 255) { $low = $n }
	else { $high = $n }
}
my %met = map { both($_) => 1 } $high .. $high + 2;
ok($met{255} && $met{256}, 'the last that is kept and the first that is not: ' . join(' ', sort keys %met));

done_testing();
