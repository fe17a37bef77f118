# What is told behind a failure: each call of a command fails in turn. With the exit status of an undisturbed run the words are the same, too,
# on stdout and stderr; with another one it is said why, and what could not be read is not called damaged, empty or another's.
use strict;
use warnings;
use Test::More;
use Sweep;
use Fault;

plan skip_all => 'no build/spoolsweep-fault' if !fault_program();
my $every = $ENV{SWEEP_EVERY} || (can_serve() ? is_under_asan() ? 4 : 1 : 25);
my $dir = fault_dir();

my %case;	# of this process
sub make {
	my ($kind, $where) = @_;
	return $case{$where} ||= do {
		my $c = fault_case($where, $kind, 4, '--fast');
		$c->{ids} = [(sort keys %{ messages($c, tree($c->{template})) })[0 .. 2]];
		$c;
	};
}

sub live { my ($c) = @_; return $c->{kind} eq 'smartermail' ? '--live' : () }
sub ids { my ($c) = @_; return map { ('--id', $_) } @{ $c->{ids} } }
sub do_purge { my ($c) = @_; return ('purge', ids($c), '--execute', '--yes', '--archive', $c->{a}, live($c)) }
sub do_hold { my ($c) = @_; return ('hold', ids($c), '--execute', live($c)) }
sub spool_of { my ($c) = @_; return "$c->{kind}:$c->{s}" }
sub archive_of { my ($c) = @_; return (glob "$c->{a}/*.tar.zst")[0] }

# The spool as a setup leaves it: nothing, a purge, a hold, or a hold that was killed behind its first message.
my %setup = (fresh => sub { }, purged => sub { run($_[0], undef, do_purge($_[0])) }, held => sub { run($_[0], undef, do_hold($_[0])) }, cut => sub {
	my ($c) = @_;
	my $snap = snapshot($c);
	my ($p) = points($c, do_hold($c));
	my @take = grep { $_->{name} eq 'sys_rename' && $_->{path2} =~ m{/\.spoolsweep} } @$p;
	rewind($c, $snap);
	my $r = run($c, "$take[1]{n}:kill", do_hold($c));
	die "not killed: $r->{status} $r->{err}" if $r->{signal} != 9;
});

sub prepare {
	my ($c, $state) = @_;
	if (($c->{state} // '') ne $state) {
		delete $c->{state};
		fresh($c);
		rewind($c, snapshot($c));	# rewound files have a newer ctime: a scan reads them again
		$setup{$state}->($c);
		$c->{snapshot} = snapshot($c);
		$c->{state} = $state;
	}
	my $seen = eval { rewind($c, $c->{snapshot}) };
	delete $c->{state} if !$seen;
	return $seen || die $@;
}

my @commands = (
	[fresh => 'list', '--json'], [fresh => 'rank', '--json'], [fresh => 'evidence', '--json'],
	[fresh => 'scan', '--json', \&spool_of], [cut => 'scan', '--json', \&spool_of], [held => 'scan', '--json', \&spool_of],
	[purged => 'show', '--json', sub { $_[0]{ids}[0] }], [purged => 'plans', '--json'],
	[purged => 'verify', '--json', \&archive_of], [purged => 'report', '--json'], [purged => 'prune', '--json', '--older', '0s'],
	[held => 'release'], [cut => 'release'], [held => 'release', '--kind', 'auth'], [held => 'purge', '--undo', 1],
	[held => 'release', '--json', '--execute'], [fresh => 'purge', '--json', \&ids, '--execute', '--yes', '--archive', sub { $_[0]{a} }, \&live],
);

sub words { my ($c, @of) = @_; return map { ref $_ ? $_->($c) : $_ } @of }

# Without what is another one at each run: times, sizes of databases and archives, names of private folders.
sub steady {
	my ($c, $text) = @_;
	for ($text) {
		s/\Q$c->{dir}\E/DIR/g;
		s/\d{8}T\d{6}Z-plan1-\w+/FOLDER/g;
		s/\d{8}T\d{6}Z/STAMP/g;
		s/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?/TIME/g;
		s/"(\w*(?:seconds|size)|(?:index|journal)_\w+|made|sha256)":(?:[-\d.e+]+|"\w+")/"$1":N/g;
		s/\b[0-9a-f]{64}\b/SHA/g;
	}
	return $text;
}

# An error of reading is told as what it is.
my $false = qr/FOREIGN KEY|is damaged|no fingerprint|unknown to this index|does not know|No such file|no transaction/;

sub try {
	my ($c, $state, $want, $fault, @args) = @_;
	prepare($c, $state);
	my $r = run($c, $fault, words($c, @args));
	my ($out, $err) = (steady($c, $r->{out}), steady($c, $r->{err}));
	my @bad;
	my $say = sub { push @bad, "$c->{kind} $state @{[ grep { !ref } @args ]} $fault: exit $r->{status}: $_[0]" };
	$say->("signal $r->{signal}") if $r->{signal};
	if ($r->{status} == $want->{status}) {
		$say->("told $out, not $want->{out}") if $out ne $want->{out};
		$err =~ s/^.*: going on without the index\n//m;	# an undo needs it for nothing but reading the spool again
		$say->("said $err, not $want->{err}") if $err ne $want->{err};
	} else {
		$say->('no such status') if $r->{status} !~ /^[123]\z/;
		$say->("not said why, but $out$err") if "$out$err" !~ /Input\/output error|disk I\/O error|unable to open database|cannot (?:be read|look)/;
		$say->("false: $&") if $err =~ /^.*$false.*$/m;
		$say->("an unsure number: $&") if $args[0] eq 'release' && $r->{status} != 3 && $err =~ /^spoolsweep: \d+ (?:held )?messages? w.*$/m &&
		    $out !~ /"state":"released"/;
	}
	return @bad;
}

my (@jobs, $n);
for my $kind (can_serve() ? qw(postfix exim) : 'smartermail') {
	my $c = make($kind, "$dir/w9/$kind");	# as deep as the workers' folders: so are the calls
	for (@commands) {
		my ($state, @args) = @$_;
		next if $state eq 'cut' && $args[0] eq 'scan' && $kind ne 'postfix';	# half a message is damaged: there its scan exits with 3
		prepare($c, $state);
		my ($p, $r) = points($c, words($c, @args));
		is($r->{status}, 0, "$kind $state @{[ grep { !ref } @args ]}: undisturbed") or diag $r->{err};
		my $want = { status => $r->{status}, map { $_ => steady($c, $r->{$_}) } qw(out err) };
		my $each = grep({ $_ eq '--execute' } @args) ? 10 * $every : $every;
		for my $point (grep { $_->{can} =~ /i/ } @$p) {
			next if $n++ % $each;
			my $at = $point->{n};
			push @jobs, sub { my ($where) = @_; return try(make($kind, "$where/$kind"), $state, $want, "$at:EIO", @args) };
		}
	}
}
my @bad = in_workers($dir, @jobs);
is(scalar @bad, 0, scalar(@jobs) . ' failures: what is told is true');

# Postfix: whether the files lost their modes is told from a few of them. What could not be read may have them: a message
# that is being written (0600) is never read as a whole one.
SKIP: {
	skip 'no modes on Windows', 3 if is_windows();
	my $c = fresh(fault_case("$dir/modes", 'postfix', 4, '--fast'));
	my ($whole) = glob "$c->{s}/deferred/*/*";
	my ($written, $copied) = map { "$c->{s}/incoming/$_" } qw(0123456789 0123456788);
	for ([$written, 0600], [$copied, 0644]) {
		spew($_->[0], slurp($whole));
		chmod $_->[1], $_->[0];
	}
	unlink grep { $_ ne $whole } map { glob "$c->{s}/$_" } 'deferred/*/*', 'hold/*', 'hold/*/*', 'active/*', 'active/*/*', 'maildrop/*', 'corrupt/*';
	my @scan = ('--index', "$c->{dir}/modes.db", 'scan', "postfix:$c->{s}");
	my $again = sub { unlink glob "$c->{dir}/modes.db*"; return run($c, @_, @scan) };
	my ($p) = (points($c, @scan))[0];
	my $state = sub { my ($m) = grep { $_->{id} eq '0123456789' } json_lines(run($c, undef, '--index', "$c->{dir}/modes.db", 'list', '--json')->{out}); $m && $m->{state} };
	is($again->(undef)->{status}, 0, 'undisturbed: all is read');
	is($state->(), 'incomplete', 'and the one that is being written is incomplete');
	my @whole = grep { $again->("$_->{n}:EIO"); ($state->() // 'none') eq 'queued' } grep { $_->{can} =~ /i/ && $_->{name} =~ /dir|stat/ } @$p;
	is_deeply([map { "$_->{name} $_->{path}" } @whole], [], 'nor is it whole when another place cannot be read');
}

done_testing;
