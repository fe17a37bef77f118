#!/usr/bin/perl
# Round trip with real servers: all that waits is taken and put back, by hold and release and by purge, verify and restore; then the
# server delivers it, each message with the bytes that its own reader showed before, to each recipient once.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../mta";
use Test::More;
use Mta;
use Sweep;

Mta::plan_or_skip('postfix', 'exim');

sub none
{
	my ($what, @bad) = @_;

	is(scalar @bad, 0, $what) or diag(map { "$_\n" } @bad > 8 ? (@bad[0 .. 7], '…') : @bad);
}

sub lines
{
	return -e $_[0] ? Mta::read_lines($_[0]) : ();
}

# Two texts that should be one: where they part.
sub difference
{
	my ($before, $after) = map { MIME::Base64::decode_base64($_) } @_;

	return undef if $before eq $after;
	my $same = 0;
	$same++ while $same < length $before && substr($before, 0, $same + 1) eq substr($after, 0, $same + 1);
	return sprintf '%d and %d bytes, the same up to %d: %s | %s', length $before, length $after, $same,
	    map { Mta::shown(substr $_, $same, 40) } $before, $after;
}

# restore --as: what the archive gives to read is what the server's own reader showed.
sub check_export
{
	my ($name, $dir, %before) = @_;
	my (%eml, %mbox, @wrong);

	for my $path (glob "$dir/eml/*.eml") {
		my $text = slurp($path);
		$eml{$1} = $text if $text =~ /^X-Spool-Tag: (\S+)/m;
	}
	for my $text (split /^From \S+ \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n/m, slurp("$dir/all.mbox")) {
		my ($tag) = $text =~ /^X-Spool-Tag: (\S+)/m or next;
		$mbox{$tag} = $text =~ s/^>(>*From )/$1/mgr =~ s/\n\z//r;
	}
	for my $tag (sort keys %before) {
		my $want = MIME::Base64::decode_base64($before{$tag}{text});
		push @wrong, "$tag as eml" if ($eml{$tag} // '') ne $want;
		push @wrong, "$tag as mbox" if ($mbox{$tag} // '') ne ($want =~ /\n\z/ ? $want : "$want\n");
	}
	cmp_ok(scalar keys %before, '>', 10, "$name: exported " . keys(%before) . ' messages');
	none("$name: each is what the server's own reader showed", @wrong);
}

# What was put back, by tag; each text is what it was.
sub check_back
{
	my ($name, $way, $dir) = @_;
	my %before = map { $_->{tag} => $_ } grep { $_->{way} eq $way } lines("$dir/before.jsonl");
	my %after = map { $_->{tag} => $_ } grep { $_->{way} eq $way } lines("$dir/after.jsonl");

	none("$name: every step was done", map { "@{ $_->{args} }: exit $_->{status} $_->{err}" } grep { $_->{way} eq $way && $_->{status} ne '0' }
	    lines("$dir/steps.jsonl"));
	none("$name: the server had no message while all was taken", grep { $_->{way} eq $way } lines("$dir/taken.jsonl"));
	is_deeply([sort keys %after], [sort keys %before], "$name: all came back");
	my @changed = map { my $d = difference($before{$_}{text}, $after{$_}{text}); $d ? "$_ $d" : () } grep { $after{$_} } sort keys %before;
	none("$name: " . keys(%before) . ' texts are unchanged', @changed);
	none("$name: who is pending is unchanged", grep { $after{$_} && "@{ $after{$_}{pending} }" ne "@{ $before{$_}{pending} }" } sort keys %before);
	if ($way eq 'restore') {
		none("$name: all are held or frozen", grep { !$after{$_}{restored} } sort keys %after);
	} else {
		none("$name: the ids and places are the same", grep { $after{$_} && $after{$_}{path} ne $before{$_}{path} } sort keys %before);
	}
	return \%before;
}

sub check_trip
{
	my ($name, $tree, $kind, $ids, @ways) = @_;
	my $dir = Mta::fresh_dir("trip-$name");
	my $program = "$dir/bin/spoolsweep";
	mkdir "$dir/$_", 0700 or die "$dir/$_: $!" for qw(i archives bin);
	system('cp', $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep', $program) == 0 or die 'cp';

	ok(Mta::run_inside($tree, $dir, 'roundtrip', $kind, $ids, $program, @ways), "$name: ran") or do {
		diag(Mta::output('tail', '-n', 20, "$dir/log/run"));
		return;
	};
	my %before = map { %{ check_back("$name $_", $_, $dir) } } @ways;
	check_export($name, $dir, map { $_->{tag} => $_ } grep { $_->{way} eq 'restore' } lines("$dir/before.jsonl"));
	my %got;
	for my $d (lines("$dir/delivered.jsonl")) {
		push @{ $got{"$d->{tag} $_"} }, $d->{raw} for @{ $d->{rcpt} };
	}
	my (@count, @changed, $n);
	for my $s (lines("$dir/sent.jsonl")) {
		for my $rcpt (@{ $s->{rcpt} }) {
			my $d = $got{"$s->{tag} $rcpt"} // [];
			$n++;
			push @count, "$s->{tag} $rcpt " . @$d if @$d != 1;
			next if !$before{$s->{tag}};
			push @changed, map { my $w = difference($before{$s->{tag}}{text}, $_); $w ? "$s->{tag} $w" : () } @$d;
		}
	}
	none("$name: each of $n recipients got each message once", @count);
	none("$name: with the bytes that it had before it was taken", @changed);
	none("$name: nothing is left in the spool", lines("$dir/left.jsonl"));
	diag sprintf '%s: %d messages taken and put back, %d deliveries compared byte for byte', $name, scalar keys %before, $n;
}

check_trip('postfix-short', 'postfix', 'postfix', 'short', 'release', 'restore');
check_trip('postfix-long', 'postfix', 'postfix', 'long', 'restore');
check_trip('exim-short', 'exim', 'exim', 'short', 'release', 'restore');
check_trip('exim-long', 'exim498', 'exim', 'long', 'restore') if -f "$Mta::top/build/mta/exim498/.complete";
done_testing();
