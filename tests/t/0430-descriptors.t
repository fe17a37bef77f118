# Out of descriptors: what could not be opened for want of them is unknown, never damaged, and never gone and new again.
use strict;
use warnings;
use Test::More;
use Sweep;

plan skip_all => 'a limit of descriptors is not one of Wine' if is_windows();

my $dir = work_dir();
my $n = 300;

# What a scan of so few descriptors says: its object, or undef where it could not begin.
sub scan_with {
	my ($limit, $index, @args) = @_;
	my $r = sweep({ index => $index, wrap => ['sh', '-c', "ulimit -n $limit; exec \"\$@\"", 'sh'] }, 'scan', '--json', '--threads', 2, @args);
	my ($s) = json_lines($r->{out});
	return ($r, $s);
}

for my $kind (qw(postfix exim smartermail)) {
	my $spool = "$dir/$kind";
	mkspool('--seed', 11, '--depth', 2, $kind, $spool, $n);
	spew(s{-H\z}{-J}r, "nobody\@example.com\n") for grep { $kind eq 'exim' } glob("$spool/input/*0-H $spool/input/*C-H");
	my (%seen, @wrong);
	for my $limit (7, 9 .. 16, 20, 24, 200) {
		my $index = "$dir/$kind-$limit.db";
		my ($r, $s) = scan_with($limit, $index, "$kind:$spool");
		my $got = defined $s && defined $s->{messages} ? $s->{messages} : 0;
		my $is_whole = defined $s && !@{ $s->{unknown} };
		$seen{ $is_whole ? 'whole' : $got ? 'part' : 'none' }++;
		push @wrong, "$limit: exit $r->{status}" if $r->{status} != ($is_whole ? 0 : defined $s ? 3 : 1);
		push @wrong, "$limit: $got messages" if $is_whole && $got != $n;
		push @wrong, "$limit: damaged" if defined $s && $s->{damaged};
		push @wrong, "$limit: not said why" if !$is_whole && $r->{err} !~ /Too many open files/;
		push @wrong, "$limit: a row is damaged" if -e $index && sweep({ index => $index }, 'list', '-c', '--damaged')->{out} > 0;
		($s) = scan_of($index, "$kind:$spool");
		push @wrong, "$limit: then $s->{messages} messages, $s->{new} new, $s->{gone} gone, $s->{damaged} damaged"
		    if $s->{messages} != $n || $s->{new} != $n - $got || $s->{gone} || $s->{damaged};
		($r, $s) = scan_with($limit, $index, '--full', "$kind:$spool");
		push @wrong, "$limit: a scan again: $s->{new} new, $s->{gone} gone"
		    if defined $s && defined $s->{messages} && ($s->{new} || $s->{gone});
		($s) = scan_of($index, "$kind:$spool");
		push @wrong, "$limit: at last $s->{messages} messages, $s->{new} new, $s->{gone} gone" if $s->{messages} != $n || $s->{new} || $s->{gone};
	}
	is_deeply(\@wrong, [], "$kind: 7 to 24 descriptors: UNKNOWN or whole, nothing damaged, nothing gone");
	ok($seen{whole} && $seen{part} && $seen{none}, "$kind: some scans were whole, some in part, some could not begin");
	is(scalar(listing("$dir/$kind-7.db", '--damaged')), 0, "$kind: and none is damaged at the end");
}

done_testing();
