# What the two live races share: a server under load while the program purges one of its accounts (tests/mta/race), and where
# each message has gone.
package Race;
use strict;
use warnings;
use Exporter 'import';
use Mta;
use Sweep;
use Test::More;

our @EXPORT = qw(race_under_load check_runs check_fates check_traces check_log);

# A copy of the program: a build may go on while the test runs.
my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';

# Runs a race and reads what it left: { dir, sent (tag => …), delivered ("tag rcpt" => [ … ]), runs, archive, queue, left }.
sub race_under_load {
	my ($kind, $name, $count, $tool) = @_;
	my $dir = Mta::fresh_dir("race-$name");
	mkdir "$dir/$_", 0700 or die "$dir/$_: $!" for qw(i archives bin);
	if (!defined $tool) {
		$tool = "$dir/bin/spoolsweep";
		system('cp', $program, $tool) == 0 or die "cp $program";
	}
	ok(Mta::run_inside($kind, $dir, 'race', $kind, $count, $tool), "$name: ran") or do {
		diag(Mta::output('tail', '-n', 20, "$dir/log/run"));
		return undef;
	};
	my %r = (dir => $dir, kind => $kind, delivered => {}, log => slurp("$dir/log/run"));
	$r{$_} = [-e "$dir/$_.jsonl" ? Mta::read_lines("$dir/$_.jsonl") : ()] for qw(runs archive queue left);
	$r{sent} = { map { $_->{tag} => $_ } map { Mta::read_lines($_) } glob "$dir/sent-*.jsonl" };
	for my $d (Mta::read_lines("$dir/delivered.jsonl")) {
		push @{ $r{delivered}{"$d->{tag} $_"} }, $d for @{ $d->{rcpt} };
	}
	return \%r;
}

sub none {
	my ($what, @bad) = @_;
	is(scalar @bad, 0, $what) or diag(map { "$_\n" } @bad > 12 ? (@bad[0 .. 11], '…') : @bad);
}

# Nothing fails; what is skipped (exit 3) is told.
sub check_runs {
	my ($name, $r) = @_;
	my (%count, @bad);
	for my $run (@{ $r->{runs} }) {
		push @bad, "exit $run->{status} of @{ $run->{args} }: $run->{err}" if $run->{status} !~ /^[03]$/;
		next if $run->{args}[0] ne 'purge';
		$count{purges}++;
		$count{$_} += $run->{items}{$_} for keys %{ $run->{items} };
		$count{in_delivery} += $1 if $run->{err} =~ /(\d+) messages were taken while the MTA/;
		my $sums = $run->{sums};
		push @bad, "does not add up: " . Mta::shown($sums) if $sums && defined $sums->{before} &&
		    $sums->{before} + $sums->{arrived} != $sums->{after} + $sums->{deleted} + $sums->{kept} + $sums->{vanished};
		push @bad, 'failed: ' . Mta::shown($run) if $run->{items}{failed} || $run->{items}{changed};
	}
	none("$name: every scan, purge and resume was done, and no message failed", @bad);
	cmp_ok($count{purges} // 0, '>=', 4, "$name: at least four purges while it ran");
	diag "$name: " . join ', ', map { "$count{$_} $_" } sort keys %count;
}

# When a message was taken: the kernel's own time of the rename (or of a mark that a delivery made after it).
sub times_of_taking {
	my ($r) = @_;
	my %at;
	for (split /\n/, Mta::output('sqlite3', "$r->{dir}/i/journal.db",
	    'select item.plan, qid, ctime from item join part on part.plan = item.plan and part.item = item.n where part.n = 0')) {
		my ($plan, $id, $ctime) = split /\|/;
		$at{"$plan $id"} = $ctime / 1e9;
	}
	return \%at;
}

# Each recipient of each message sent is in one place at least, and in two only when its delivery had ended, or was under
# way when the message was taken. MAY_BE_UNDER_WAY: from where a message can be taken in the middle of its delivery.
sub check_fates {
	my ($name, $r, $may_be_under_way) = @_;
	my ($sent, $delivered, $at) = (@$r{qw(sent delivered)}, times_of_taking($r));
	my (%archived, %queued, %done, @lost, @twice, @both, @late, @wrong_done, @foreign, @unknown, @open, %n);
	my $latest = -1e9;
	for my $pair ([archive => \%archived], [queue => \%queued]) {
		my ($place, $set) = @$pair;
		for my $m (@{ $r->{$place} }) {
			my $s = $sent->{$m->{tag} // ''};
			push @unknown, "$m->{path} in the $place" if !$s;
			next if !$s;
			push @foreign, "$m->{tag} of $s->{account}" if $place eq 'archive' && $s->{account} ne $Mta::hacked[0];
			push @open, "$m->{tag} $m->{path}" if $place eq 'queue' && $s->{account} eq $Mta::hacked[0];
			push @both, "$m->{tag} is twice in archives and queue" if grep { $_->{$m->{tag}} } \%archived, \%queued;
			$set->{$m->{tag}} = $m;
			push @wrong_done, "$m->{tag} $_ is done in the $place, but nobody has it"
			    for grep { !$delivered->{"$m->{tag} $_"} } @{ $m->{done} };
			push @both, "$m->{tag} $_ is delivered and waits in the queue"
			    for grep { $place eq 'queue' && $delivered->{"$m->{tag} $_"} } @{ $m->{pending} };
			next if $place eq 'queue';
			$n{ended} += grep { $delivered->{"$m->{tag} $_"} } @{ $m->{done} };
			for my $d (map { $_->[0] } grep { defined } map { $delivered->{"$m->{tag} $_"} } @{ $m->{pending} }) {
				my $lead = $d->{begin} - ($at->{"$m->{plan} $m->{id}"} // 0);
				$n{'under way'}++;
				$latest = $lead if $lead > $latest;
				# An agent opens the file before it talks to the far end.
				push @late, sprintf '%s taken from %s, delivery began %.3f s after', $m->{tag}, $m->{path}, $lead
				    if $m->{path} !~ $may_be_under_way || $lead > 1;
			}
		}
	}
	for my $s (values %$sent) {
		for my $rcpt (@{ $s->{rcpt} }) {
			my $d = $delivered->{"$s->{tag} $rcpt"};
			my $where = $archived{$s->{tag}} // $queued{$s->{tag}};
			$n{pairs}++;
			push @lost, "$s->{tag} $rcpt" if !$d && !($where && grep { $_ eq $rcpt } @{ $where->{pending} });
			push @twice, "$s->{tag} $rcpt" if $d && @$d > 1;
			push @twice, "$s->{tag} $rcpt has another body" if $d && grep { $_->{body} ne $s->{body} } @$d;
		}
	}
	none("$name: each of $n{pairs} recipients is delivered, in an archive or in the queue", @lost);
	none("$name: none is delivered twice, each body is what was sent", @twice);
	none("$name: what a message calls done was delivered", @wrong_done);
	none("$name: no message is in two places", @both);
	none("$name: delivered and archived only when the delivery had ended or was under way at the taking", @late);
	none("$name: the archives hold messages of the account alone", @foreign);
	none("$name: and the queue none of it any more", @open);
	none("$name: no message that nobody sent", @unknown);
	my $bad = grep { $_->{account} eq $Mta::hacked[0] } values %$sent;
	cmp_ok(scalar keys %archived, '>=', $bad / 4, "$name: at least a quarter of its $bad messages were taken");
	diag sprintf '%s: %d messages sent, %d archived, %d left in the queue; of the archived recipients %d were delivered before the taking, ' .
	    '%d were under way%s', $name, scalar keys %$sent, scalar keys %archived, scalar keys %queued, $n{ended} // 0, $n{'under way'} // 0,
	    $latest > -1e9 ? sprintf(' (the latest began %.3f s after it)', $latest) : '';
}

# Nothing of the purges is left in the spool.
sub check_traces {
	my ($name, $r) = @_;
	none("$name: no log, header or body without its message, and no private folder", @{ $r->{left} });
	none("$name: the far end was reached to the end", $r->{log} =~ /^(drain: .*)/mg);
}

# Lines that the race's log has and the log of the control has not: the same load, the server's own tool. WANTED picks the lines, HARMLESS
# those that a server writes now and then in both.
sub check_log {
	my ($name, $log, $control, $wanted, $harmless) = @_;
	my %known = map { $_ => 1 } kinds($control, $wanted);
	none("$name: the server's log has no line that its own tool does not cause too", grep { !$known{$_} && $_ !~ $harmless } kinds($log, $wanted));
}

# The kinds of lines: without times, ids and numbers.
sub kinds {
	my ($log, $wanted) = @_;
	my %kind;
	for (grep { /$wanted/ } split /\n/, slurp($log)) {
		s/^(?:\w{3} [ \d]\d \d\d:\d\d:\d\d mail |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )//;
		s/\b[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})\b/ID/g;
		s/\b[0-9A-F]{6,}\b/ID/g;
		s/\d+/N/g;
		$kind{$_}++;
	}
	return keys %kind;
}

1;
