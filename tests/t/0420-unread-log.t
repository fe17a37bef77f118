# A log that cannot be read: its message is whole, what other servers said of it is not known, and no command takes that for "nothing".
use strict;
use warnings;
use Test::More;
use Sweep;

plan skip_all => 'modes are POSIX' if is_windows();

my $nobody = 65534;
my $work = work_dir();
my $dir = "$work/own";
my @as = $> == 0 ? ('setpriv', '--reuid', $nobody, '--regid', $nobody, '--clear-groups') : ();
mkdir $dir or die $!;
chmod 0755, $work or die $!;

for my $case ([ 'postfix', 'defer' ], [ 'exim', 'msglog' ]) {
	my ($kind, $folder) = @$case;
	my $spool = "$dir/$kind";
	my %as = (index => "$dir/$kind.db", $> == 0 ? (wrap => \@as) : ());
	mkspool('--accounts', 4, '--seed', 5, $kind, $spool, 14);
	my ($log) = grep { -f } split /\n/, `find '$spool/$folder' -type f | sort`;
	my ($id) = $log =~ m{([^/]+)$};
	system('chown', '-R', "$nobody:$nobody", $dir) == 0 or die if $> == 0;
	chmod 0, $log or die "$log: $!";

	is(sweep(\%as, 'scan', "$kind:$spool")->{status}, 0, "$kind: a scan that may not open a log gives all messages");
	my ($m) = listing($as{index}, '--id', $id);
	is_deeply($m->{damage}, [], '  its message is not damaged');
	like("@{ $m->{notes} }", qr/log cannot be read/, '  but has a note');

	my $got = sweep(\%as, 'evidence', '--json');
	is($got->{status}, 3, 'evidence does not call itself complete');
	like($got->{err}, qr/the logs of 1 message could not be read: replies may stand in them$/m, '  and says why');
	is((scalar grep { $_->{complete} } json_lines($got->{out})), 0, '  in each row');
	like(sweep_ok(\%as, 'report', '--text')->{out}, qr/The logs of 1 message could not be read/, 'so does the report');
	is(sweep(\%as, 'purge', '--id', $id)->{status}, 0, 'a plan takes the message');

	chmod 0600, $log or die "$log: $!";
	$got = sweep_ok(\%as, 'scan', '--json', "$kind:$spool");
	is((json_lines($got->{out}))[0]{changed}, 1, 'the next scan reads it again');
	is_deeply((listing($as{index}, '--id', $id))[0]{notes}, [], '  without a note');
	is(sweep(\%as, 'evidence')->{status}, 0, '  and evidence is complete');
}

done_testing();
