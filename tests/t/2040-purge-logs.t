# What a purge writes elsewhere: a line in the system's log when a plan begins and when it ends, and with --mainlog what exim -Mrm writes
# into Exim's main log; what show says of a message that has gone; and a SmarterMail whose service runs. In namespaces of its own: /dev/log
# and a process called MailService are everybody's business otherwise.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../mta";
use IO::Select;
use IO::Socket::UNIX;
use Test::More;
use Mta;
use Sweep;

my $script = "$FindBin::Bin/$FindBin::Script";
if (!$ENV{SPOOLSWEEP_TEST_INSIDE}) {
	Mta::plan_or_skip();
	$ENV{SPOOLSWEEP_TEST_INSIDE} = 1;
	exec 'unshare', '-m', '-p', '-f', '--mount-proc', '--kill-child', $^X, '-I', $FindBin::Bin, $script or die "unshare: $!";
}
my $dir = work_dir();
my $index = "$dir/i/index.db";
my @do = ('--execute', '--yes', '--archive', "$dir/archives");

# A /dev of our own with a log in it.
mkdir "$dir/dev" or die $!;
system(qw(mount -t tmpfs -o mode=755 tmpfs), "$dir/dev") == 0 or die 'mount';
for (['null', 3], ['zero', 5], ['random', 8], ['urandom', 9]) {
	my ($name, $minor) = @$_;
	system('mknod', '-m', '666', "$dir/dev/$name", 'c', 1, $minor) == 0 or die 'mknod';
}
system('mount', '--bind', "$dir/dev", '/dev') == 0 or die 'mount';
my $log = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => '/dev/log') or die "/dev/log: $!";

# The lines of plans that came since the last look.
sub logged {
	my @lines;
	while (IO::Select->new($log)->can_read(0)) {
		recv $log, my $line, 65536, 0;
		push @lines, $line if $line =~ /spoolsweep/;
	}
	return @lines;
}

sub run {
	my @args = @_;
	my $r = sweep({ index => $index }, @args, '--json');
	my @rows = json_lines($r->{out});
	return { %$r, sums => pop @rows, rows => \@rows };
}

# ---- the system's log

mkspool('--seed', 3, 'postfix', "$dir/pf", 40);
scan_of($index, "postfix:$dir/pf");
logged();
my ($m) = grep { defined $_->{account} && $_->{account} =~ /\@/ } listing($index);
my $n = () = listing($index, '--account', $m->{account});
is(run('purge', '--account', $m->{account})->{sums}{planned}, $n, 'a dry run');
is(scalar(my @none = logged()), 0, 'leaves no line in the system\'s log');
my $r = run('purge', '--account', $m->{account}, @do);
is($r->{status}, 0, 'a purge') or diag $r->{err};
my @line = logged();
is(scalar @line, 2, 'leaves two');
my $facility = 2 << 3 | 5;	# mail.notice
like($line[0], qr/^<$facility>.*spoolsweep\[\d+\]: plan $r->{sums}{plan} \(purge\) begun by \S+.*: $n planned, selection: .*--account \Q$m->{account}\E/,
    '  one when it begins: who, how many, which');
like($line[1], qr/^<$facility>.*: plan $r->{sums}{plan} \(purge\) ended by \S+.*: $n deleted, archive \Q$r->{sums}{archive}\E, selection: /,
    '  one when it ends: the counts, the archive');
my $h = run('hold', '--all', '--limit', 2, '--execute');
@line = logged();
like($line[0], qr/plan $h->{sums}{plan} \(hold\) begun by/, 'a hold, too');
like($line[1], qr/plan $h->{sums}{plan} \(hold\) ended by .*: 2 taken/, '  with its end');
run('release', '--execute');
@line = logged();
like($line[0], qr/plan $h->{sums}{plan} \(hold\) being put back by/, 'and its release');
like($line[1], qr/plan $h->{sums}{plan} \(hold\) put back by .*: 2 released/, '  with its end');
# What the log gets is a line of printable characters, whatever a selector has.
my ($o) = json_lines(sweep_ok({ index => $index }, 'show', '--json', (listing($index))[0]{id})->{out});
$r = run('purge', '--id', $o->{id}, '--subject', "re:(?:\n\e|.)*", @do);
@line = logged();
is(scalar @line, 2, 'a selector with a line break: a line each');
unlike("@line", qr/[\n\e]/, '  of printable characters');

# ---- show

my $id = $m->{id};
my ($shown) = json_lines(sweep_ok({ index => $index, status => [0, 3] }, 'show', '--json', $id)->{out});
my ($fate) = @{ $shown->{history} };
is($shown->{state}, 'deleted', 'show on a purged message: deleted');
my ($plan) = grep { $_->{plan} == $fate->{plan} } json_lines(sweep_ok({ index => $index }, 'plans', '--json')->{out});
is($plan->{kind}, 'purge', '  the plan that is named is there');
is($fate->{who}, $plan->{who}, '  who');
like($fate->{when}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\z/, '  when');
ok(($fate->{when} ge substr $plan->{started}, 0, 19) && $fate->{when} le '2999', '  not before the plan began');
like($fate->{selection}, qr/--account \Q$m->{account}\E/, '  why: the selection');
ok(-f $fate->{archive} && $fate->{archive} eq $plan->{archive}, '  and the archive that has it');
like(sweep_ok({ index => $index, status => [0, 3] }, 'show', $id)->{out},
    qr/deleted by plan $fate->{plan} \(purge\) of \Q$fate->{who}\E at \S+ on .*; archive \Q$fate->{archive}\E/, '  in words, too');
is(sweep({ index => $index }, 'verify', $fate->{archive})->{status}, 0, '  which is whole');

# ---- Exim's main log

mkdir "$dir/$_" or die $! for qw(exim sm);
mkspool('--seed', 8, 'exim', "$dir/exim/spool", 6);
mkdir "$dir/exim/log" or die $!;
scan_of($index, "exim:$dir/exim/spool");
my @mail = grep { !@{ $_->{damage} } } listing($index, '--kind', 'exim');
my $mainlog = "$dir/mainlog";
is(run('purge', '--id', $mail[0]{id}, '--mainlog', $mainlog)->{status}, 64, 'a main log that is not there is a usage error');
spew($mainlog, "2026-01-01 00:00:00 exim 4.99 daemon started\n", 0640);
$r = run('purge', (map { ('--id', $_->{id}) } @mail[0, 1]), '--mainlog', $mainlog, @do);
is($r->{status}, 0, 'a purge with --mainlog') or diag $r->{err};
my @ours = split /\n/, slurp($mainlog);
is(shift @ours, '2026-01-01 00:00:00 exim 4.99 daemon started', 'the log goes on where it ended');
is(scalar @ours, 4, 'two lines a message');
is_deeply([sort keys %{ { map { /^\S+ \S+ (\S+)/ ? ($1 => 1) : () } @ours } }], [sort map { $_->{id} } @mail[0, 1]], '  of these messages');
is((stat $mainlog)[2] & 07777, 0640, '  its mode is as it was');
SKIP: {
	my $top = top_dir();
	skip 'no build/mta/exim: run make deps', 3 if !-f "$top/build/mta/exim/.complete";
	my $inside = <<'END';
printf '%s\n' 'primary_hostname = mail.host.example' "exim_path = $MTA/sw/usr/sbin/exim4" "spool_directory = $MTA/t/spool" \
    "log_file_path = $MTA/t/log/%slog" 'tls_advertise_hosts =' 'keep_environment =' >$MTA/etc/exim4/exim4.conf
chown -R Debian-exim $MTA/t
exec $MTA/sw/usr/sbin/exim4 -Mrm "$1"
END
	my $said = Mta::output("$top/tests/mta/ns", "$top/build/mta/exim", "$dir/exim", 'sh', '-c', $inside, 'sh', $mail[2]{id});
	is($?, 0, 'exim -Mrm of another one') or diag $said;
	my @exim = grep { /\Q$mail[2]{id}\E/ } split /\n/, slurp("$dir/exim/log/mainlog");
	# Without the times (both local) and the ids; Exim names the caller.
	my $form = sub { map { s/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /TIME /r =~ s/ \S{16,23} / ID /r =~ s/(removed by) \S+\z/$1 WHO/r } @_ };
	is_deeply([$form->(@exim)], ['TIME ID removed by WHO', 'TIME ID Completed'], 'what exim -Mrm writes');
	is_deeply([$form->(@ours)], [($form->(@exim)) x 2], 'is what --mainlog writes');
}
my ($other) = listing($index, '--kind', 'postfix');
$r = run('purge', '--id', $other->{id}, '--mainlog', $mainlog, @do);
is($r->{status}, 0, 'a message of Postfix');
is(scalar(my @l = split /\n/, slurp($mainlog)), 5, '  is no business of Exim\'s log');

# ---- SmarterMail

mkspool('--seed', 9, 'smartermail', "$dir/sm/Spool", 8);
scan_of($index, "smartermail:$dir/sm/Spool");
my @sm = grep { !@{ $_->{damage} } } listing($index, '--kind', 'smartermail');
system('cp', '/bin/sleep', "$dir/MailService") == 0 or die 'cp';
my $service = fork;
if ($service == 0) {
	exec "$dir/MailService", 600 or exit 127;
}
Mta::wait_until('the service runs', sub { Mta::pids_of('MailService') });
for my $what (['purge', @do], ['hold', '--execute']) {
	my ($name, @rest) = @$what;
	$r = sweep({ index => $index }, $name, '--kind', 'smartermail', '--all', @rest);
	is($r->{status}, 1, "$name of a SmarterMail whose service runs: exit 1");
	like($r->{err}, qr/SmarterMail runs.*--live/s, '  says why, and what to do');
}
is(scalar(listing($index, '--kind', 'smartermail')), scalar(@sm), '  nothing was taken');
ok(!-e "$dir/sm/.spoolsweep-Spool", '  no private folder is made');
$r = run('purge', '--id', $sm[0]{id}, '--live', @do);
is($r->{status}, 0, '--live takes it all the same') or diag $r->{err};
is($r->{sums}{deleted}, 1, '  it is deleted');
is_deeply([grep { -e } map { "$dir/sm/Spool/$sm[0]{id}.$_" } qw(hdr eml HDR EML)], [], '  both files are gone');
is(scalar(listing($index, '--kind', 'smartermail')), @sm - 1, '  the others are there');
kill 'TERM', $service;
waitpid $service, 0;
$r = run('purge', '--id', $sm[1]{id}, @do);
is($r->{status}, 0, 'once the service has ended nobody needs --live') or diag $r->{err};
done_testing();
system('umount', '-l', $_) for '/dev', "$dir/dev";	# so that the folder can go
