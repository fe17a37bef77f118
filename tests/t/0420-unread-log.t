# A log that cannot be read: its message is whole, what other servers said of it is not known, and no command takes that for "nothing".
use strict;
use warnings;
use Test::More;
use Fault;
use Sweep;

my $dir = work_dir();
my $fault = fault_program() or BAIL_OUT('no program with faults: make tests');

# The program with faults, from the shell: what it said, on both streams.
sub faulty {
	my ($env, $index, @args) = @_;
	local @ENV{ keys %$env } = values %$env;
	my $said = `'$fault' --index '$index' @args 2>&1`;
	return ($? >> 8, $said);
}

for my $case ([ 'postfix', qr{/defer/} ], [ 'exim', qr{/msglog/} ]) {
	my ($kind, $log) = @$case;
	my $spool = "$dir/$kind";
	my $calls = "$dir/$kind.calls";
	my $index = "$dir/$kind.db";
	mkspool('--accounts', 4, '--seed', 5, $kind, $spool, 14);
	faulty({ SPOOLSWEEP_FAULT_LOG => $calls }, "$dir/$kind-first.db", 'scan', "$kind:$spool");
	my ($n, $path) = map { my ($n, $call, undef, $path) = split /\t/; $call eq 'sys_open_at' && $path =~ $log ? ($n, $path) : () } split /\n/, slurp($calls);
	ok(defined $n, "$kind: a log is opened") or next;
	my ($id) = $path =~ m{([^/]+)$};

	my ($status) = faulty({ SPOOLSWEEP_FAULT => "$n:EACCES" }, $index, 'scan', "$kind:$spool");
	is($status, 0, 'a scan that may not open it gives all messages');
	my ($m) = listing($index, '--id', $id);
	is_deeply($m->{damage}, [], '  its message is not damaged');
	like("@{ $m->{notes} }", qr/log cannot be read/, '  but has a note');

	my $got = sweep({ index => $index }, 'evidence', '--json');
	is($got->{status}, 3, 'evidence does not call itself complete');
	like($got->{err}, qr/the logs of 1 message could not be read: replies may stand in them$/m, '  and says why');
	is((scalar grep { $_->{complete} } json_lines($got->{out})), 0, '  in each row');
	like(sweep_ok({ index => $index }, 'report', '--text')->{out}, qr/The logs of 1 message could not be read/, 'so does the report');

	$got = sweep({ index => $index }, 'purge', '--id', $id);
	is($got->{status}, 0, 'a plan takes the message');

	my ($scan) = scan_of($index, "$kind:$spool");
	is($scan->{changed}, 1, 'the next scan reads it again');
	is_deeply((listing($index, '--id', $id))[0]{notes}, [], '  without a note');
	is(sweep({ index => $index }, 'evidence')->{status}, 0, '  and evidence is complete');
}

done_testing();
