# The flow of a purge beside its straight way: a file system without RENAME_NOREPLACE.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock F_SETLK F_WRLCK SEEK_SET);
use Test::More;
use Sweep;
use Fault;

plan skip_all => 'no build/spoolsweep-fault' if !fault_program();
my $dir = fault_dir();

# A process that holds a lock on a file until the handle that is returned is closed: as a delivery agent of Postfix (a shared flock on the
# message) or as an Exim that delivers (a lock of the first bytes of -D).
sub locked {
	my ($path, $kind) = @_;
	pipe my $ready, my $tell or die $!;
	pipe my $until, my $let_go or die $!;
	my $pid = fork;
	die "fork: $!" if !defined $pid;
	if ($pid == 0) {
		close $let_go;
		open my $f, '+<', $path or die "$path: $!";
		# struct flock of Linux on 64 bits: type, whence, start, length, pid
		my $bytes = pack 's s x4 q q i x4', F_WRLCK, SEEK_SET, 0, 19, 0;
		($kind eq 'postfix' ? flock $f, LOCK_SH : fcntl $f, F_SETLK, $bytes) or die "lock: $!";
		syswrite $tell, 'x';
		sysread $until, my $x, 1;
		require POSIX;
		POSIX::_exit(0);
	}
	close $tell;
	sysread($ready, my $x, 1) or die 'nobody holds the lock';
	return { pid => $pid, hold => $let_go };
}

sub let_go {
	my ($l) = @_;
	close $l->{hold};
	waitpid $l->{pid}, 0;
}

sub states {
	my ($c) = @_;
	return journal($c)->{items} || {};
}

# The messages of which there is something in the private folder.
sub private { my ($c) = @_; my %n = map { m{/(\d+)\.\d+\z} ? ($1 => 1) : () } glob "$c->{s}/.spoolsweep/*/*"; return sort keys %n }
sub plan_row { my ($c) = @_; return (json_lines(run($c, undef, 'plans', '--json')->{out}))[-1] }

# ---- a file system without RENAME_NOREPLACE

for my $kind (qw(postfix exim smartermail)) {
	my $c = fault_case("$dir/link-$kind", $kind, 3, '--fast');
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my @none = { SPOOLSWEEP_FAULT_LINK => 0 };
	my $was = tree(fresh($c)->{s});
	my $r = run($c, undef, @none, 'hold', '--all', '--execute');
	is($r->{status}, 0, "$kind: a hold by link and unlink") or diag $r->{err};
	is_deeply([grep { $_ > 1 } map { (stat)[3] } grep { -f } map { "$c->{s}$_" } keys %{ tree($c->{s}, 1) }], [], '  each file has one name');
	# A name that is taken is never replaced.
	my ($rel) = map { sort keys %{ $c->{messages}{$_} } } (sort keys %{ $c->{messages} })[0];
	spew("$c->{s}/$rel", 'another file');
	$r = run($c, undef, @none, 'release', '--execute');
	is($r->{status}, 2, '  a release onto a name that is taken fails');
	is(slurp("$c->{s}/$rel"), 'another file', '  and does not replace it');
	is_deeply([lost($c)], [], '  nor loses the message');
	unlink "$c->{s}/$rel" or die $!;
	is(run($c, undef, @none, 'release', '--execute')->{status}, 0, '  once the name is free it is put back');
	is_deeply(tree($c->{s}), $was, '  all is as it was');
	my %links;
	for my $how (['purge', ['purge', '--resume'], @purge], ['purge', ['purge', '--undo', 1, '--execute'], @purge],
	    ['hold', ['release', '--execute'], 'hold', '--all', '--execute'], ['release', ['release', '--execute'], 'release', '--execute']) {
		my ($what, $then, @run) = @$how;
		my $n = 0;
		my @bad;
		while (1) {
			fresh($c);
			run($c, undef, @none, 'hold', '--all', '--execute') if $what eq 'release';
			$r = run($c, undef, { SPOOLSWEEP_FAULT_LINK => ++$n }, @run);
			last if !$r->{signal};
			push @bad, "link $n: lost " . join ' ', lost($c) if lost($c);
			my $r2 = run($c, undef, @none, @$then);
			push @bad, "link $n: @$then: exit $r2->{status} $r2->{err}" if $r2->{status} != 0;
			push @bad, "link $n: lost after @$then " . join ' ', lost($c) if lost($c);
			my $now = tree($c->{s});
			push @bad, "link $n: @$then: the spool is not as it was" if $then->[1] ne '--resume' && join("\n", map { "$_ $now->{$_}" } sort keys %$now) ne
			    join "\n", map { "$_ $was->{$_}" } sort keys %$was;
			my @private = glob "$c->{s}/.spoolsweep $c->{dir}/.spoolsweep-s/*";
			push @bad, "link $n: there is @private" if grep { -e } @private;
			push @bad, "link $n: files are left: @{[ grep { -f } glob qq{$c->{s}/*/*} ]}" if $then->[1] eq '--resume' && %{ messages($c, $c->{s}) };
		}
		cmp_ok($n, '>', 3, "$kind: $what died behind each of " . ($n - 1) . " links, then @$then[0,1]");
		is_deeply(\@bad, [], '  nothing is lost, nothing is there twice, the end is as without it');
	}
}

done_testing;
