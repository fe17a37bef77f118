# Runs tests as "prove --timer" does. What a test wrote to stderr comes when it has ended, and of those that failed once more at the very
# end, with what failed: often only the end of a log is kept. What was skipped is listed, and why.
package Harness;
use strict;
use warnings;
use File::Basename qw(basename);
use File::Temp qw(tempdir);
use TAP::Harness;
use Exporter 'import';
our @EXPORT = qw(run_tests);

# The end of what a test wrote to stderr; $most: lines of it.
sub print_said {
	my ($path, $file, $most) = @_;
	open my $f, '<', $path or return;
	my @lines = map { /\n\z/ ? "$file: $_" : "$file: $_\n" } <$f>;
	splice @lines, 0, @lines - $most, sprintf "%s: (%d lines before)\n", $file, @lines - $most if @lines > $most;
	print @lines;
}

# run_tests(\@files, command => sub { the words that run a file }, jobs => n, rules => as TAP::Harness has them):
# { ok => did all pass?, ran => number of tests that were not skipped }
sub run_tests {
	my ($tests, %o) = @_;
	my $said = tempdir('said-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my (%skipped, %failed);
	my ($ran, $nskipped) = (0, 0);
	my $skip = sub {
		my ($file, $why) = @_;
		$why =~ s/\s+\z//;
		$skipped{$file}{$why}++;
		$nskipped++;
	};
	# stderr is a file: as a pipe of its own, at its end from the start, it would have the harness wait for each line of this test alone.
	my $harness = TAP::Harness->new({ timer => 1, merge => 1, jobs => $o{jobs} || 1, $o{rules} ? (rules => $o{rules}) : (), exec => sub {
		my (undef, $test) = @_;
		return ['sh', '-c', 'exec "$@" 2>"$0"', "$said/" . basename($test), $o{command}->($test)];
	} });
	$harness->callback(made_parser => sub {
		my ($parser, $job) = @_;
		my $file = $job->[0];
		my $reason;		# of the unit test that comes next, as unit.h and posix.h print it
		$parser->callback(plan => sub { $skip->($file, 'all of it: ' . ($_[0]->explanation || '')) if $_[0]->has_skip });
		$parser->callback(test => sub {
			push @{ $failed{$file} }, $_[0]->as_string if !$_[0]->is_ok;
			$_[0]->has_skip ? $skip->($file, $reason || $_[0]->explanation || $_[0]->description) : $ran++;
			$reason = undef;
		});
		$parser->callback(comment => sub { $reason = $1 if $_[0]->comment =~ /^skipped: (.*)/ });
		# Those of subtests are lines that a parser does not know.
		$parser->callback(unknown => sub {
			my ($line) = $_[0]->as_string =~ /^\s+(.*)/ or return;
			return $skip->($file, $1) if $line =~ /^(?:ok \d+|1\.\.0) # skip\s*(.*)/i;
			$ran++ if $line =~ /^ok \d+/;
			push @{ $failed{$file} }, $line if $line =~ /^not ok/;
		});
	});
	$harness->callback(after_test => sub { print_said("$said/" . basename($_[0][0]), $_[0][0], 100) });
	my $result = $harness->runtests(@$tests);
	for my $file (sort keys %skipped) {
		print "skipped in $file: $skipped{$file}{$_} x $_\n" for sort keys %{ $skipped{$file} };
	}
	print "$ran tests ran, $nskipped were skipped\n";
	for my $file ($result->failed) {
		print "failed: $file\n", map { "  $_\n" } @{ $failed{$file} || [] };
		print_said("$said/" . basename($file), $file, 30);
	}
	return { ok => $result->all_passed ? 1 : 0, ran => $ran };
}

1;
