#!/usr/bin/perl
# Postfix queues that are damaged, hostile or half readable: every message with a valid name is listed, nothing is followed, no false zero.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Path qw(make_path);
use POSIX qw(mkfifo);
use Socket;
use Test::More;
use Time::HiRes ();
use Sweep;

my $work = work_dir();
my $now = time;

sub record
{
	my ($type, $text) = @_;
	my ($n, $length) = (length $text, '');

	do {
		$length .= chr(($n & 127) | ($n > 127 ? 128 : 0));
		$n >>= 7;
	} while $n;
	return $type . $length . $text;
}

# A queue file as cleanup(8) writes it: rcpt (list), claim (recipients in SIZE), body, subject, account.
sub queue_file
{
	my (%o) = @_;
	my @rcpt = @{ $o{rcpt} || ['a@one.example'] };
	my $head = record('T', "$now   4711") . record('A', "create_time=$now")
	    . record('A', 'sasl_username=' . ($o{account} || 'info@shop.example')) . record('S', 'info@shop.example')
	    . record('A', 'log_client_address=192.0.2.7') . join('', map { record('R', $_) } @rcpt) . record('M', '');
	my $content = record('N', 'Received: from laptop by mx (Postfix); today') . record('N', 'Subject: ' . ($o{subject} || 'plain'))
	    . record('N', '') . record('N', $o{body} || 'text');
	my $size = sprintf '%15d %15d %15d %15d %15d %15d', length $content, 97 + length $head, $o{claim} || scalar @rcpt, 0, 1234, 0;

	return record('C', $size) . $head . $content . record('X', '') . record('E', '');
}

sub make_queues
{
	my ($root) = @_;

	make_path("$root/$_") for qw(maildrop incoming active deferred hold corrupt defer bounce trace flush pid private public);
}

sub by_id { return map { $_->{id} => $_ } @_ }

sub total_damaged { return scalar grep { @{ $_->{damage} } } @_ }

subtest 'every damage that mkspool makes' => sub {
	my ($spool, $index) = ("$work/made", "$work/made.db");
	mkspool('--damage', '--hostile', '--truth', "$work/made.jsonl", 'postfix', $spool, 200);
	my @truth = read_truth("$work/made.jsonl");
	my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 3, 'damage is exit 3');
	is($scan->{signal}, 0, 'no crash');
	my ($total) = json_lines($scan->{out});
	my %row = by_id(listing($index));
	my (@missing, @unmarked, @accused, $seen);
	for my $t (grep { $_->{listed} } @truth) {
		my $r = $row{ $t->{id} };
		my $name = ($t->{case} || 'ordinary') . " $t->{id}";
		if (!$r) {
			push @missing, $name;
			next;
		}
		$seen++;
		# A file that cleanup may still be writing is incomplete, not damaged.
		my $want = $t->{damage} && $r->{state} ne 'incomplete';
		SKIP: {
			last if !is_windows() || ($t->{case} // '') !~ /^mode-/;
			$want = 0;
			skip "$t->{case}: modes are POSIX", 1;
		}
		push @unmarked, $name if $want && !@{ $r->{damage} };
		push @accused, "$name: @{ $r->{damage} }" if !$want && @{ $r->{damage} };
	}
	is_deeply(\@missing, [], 'all are listed');
	is_deeply(\@unmarked, [], 'what is damaged says so');
	is_deeply(\@accused, [], 'what is whole does not');
	cmp_ok($seen, '>=', 260, "$seen messages compared");
	is($total->{messages}, scalar(keys %row), 'messages is what list shows');
	is($total->{damaged}, total_damaged(values %row), 'damaged is what list shows');
	my %message = map { m{([^/]+)$} ? ($1 => 1) : () } glob "$spool/{maildrop,incoming,active,hold,corrupt}/* $spool/deferred/*/*";
	my @orphans = grep { m{([^/]+)$} && !$message{$1} } glob "$spool/defer/*/* $spool/bounce/* $spool/trace/*";
	is($total->{orphans}, scalar @orphans, 'logs without a message');
	cmp_ok(scalar @orphans, '>=', 3, 'and there are such logs');
	is_deeply($total->{unknown}, [], 'all was read');
	is(sweep({ index => $index }, 'scan', $spool)->{status}, 3, 'a re-scan says it again');
	is(sweep({ index => $index }, 'list', '--csv')->{status}, 0, 'listing damaged rows is no error');
};

subtest 'hand-made hostility' => sub {
	my ($spool, $index) = ("$work/hand", "$work/hand.db");
	my @bad_names = ("new\nline", "esc\e[31m", "lat\xefn", 'a-b', 'dot.ted', '12345.678');
	make_queues($spool);
	spew("$spool/deferred/G00D", queue_file(), 0700);
	spew("$spool/deferred/A/A", queue_file(subject => 'one character'), 0700);
	spew("$spool/hold/ZER0", '', 0700);
	spew("$spool/hold/SPARSE", '', 0700);
	truncate "$spool/hold/SPARSE", 1 << 30 or die $!;
	spew("$spool/hold/L0NG", queue_file(body => 'x' x (10 << 20)), 0700);
	spew("$spool/hold/L0NGHEAD", queue_file(subject => 'y' x (10 << 20)), 0700);
	spew("$spool/deferred/CLA1M", queue_file(claim => 100_000, rcpt => [qw(a@x.example b@x.example c@x.example)]), 0700);
	spew("$spool/deferred/TW1N", queue_file(), 0700);
	link "$spool/deferred/TW1N", "$spool/deferred/TW1N2" or die $!;
	spew("$spool/deferred/M0VED#FIX", queue_file(), 0700);
	my @by_mode = is_windows() ? () : qw(WR1T1NG B1TTEN);
	if (@by_mode) {
		spew("$spool/incoming/WR1T1NG", substr(queue_file(), 0, 200), 0600);
		spew("$spool/active/B1TTEN", queue_file(), 0400);
	}
	spew("$spool/corrupt/C0RRUPT", queue_file() =~ s/info\@shop/\0\0\0\0\0\0\0\0\0/gr, 0700);
	spew("$spool/hold/$_", queue_file(), 0700) for @bad_names;
	spew("$spool/maildrop/F/NESTED", queue_file(), 0744);
	spew("$spool/deferred/long/F0REIGN", queue_file(), 0700);
	spew("$spool/.spoolsweep/1/TAKEN", queue_file(), 0700);
	spew("$spool/secret", "root:x:0:0\n", 0600);
	my $odd = 0;
	if (!is_windows()) {
		symlink '../secret', "$spool/hold/L1NK" or die $!;
		mkfifo("$spool/hold/F1F0", 0700) or die $!;
		$odd = 2;
	}
	socket my $sock, AF_UNIX, SOCK_STREAM, 0 or die $!;
	my $short = File::Temp::tempdir('sweepXXXXXX', TMPDIR => 1, CLEANUP => 1);	# a socket's path may have 107 bytes
	symlink $spool, "$short/s" or die $!;
	$odd++ if !is_windows() && bind $sock, pack_sockaddr_un("$short/s/hold/S0CKET");
	$odd++ if !is_windows() && system("mknod '$spool/hold/DEV' c 1 3 2>/dev/null") == 0;

	my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 3, 'exit 3') or diag $scan->{err};
	is($scan->{signal}, 0, 'no crash');
	my ($total) = json_lines($scan->{out});
	my %row = by_id(listing($index));
	is_deeply([sort keys %row], [sort 'M0VED#FIX', qw(G00D A ZER0 SPARSE L0NG L0NGHEAD CLA1M TW1N TW1N2 C0RRUPT), @by_mode],
	    'exactly the messages');
	is($total->{messages}, 11 + @by_mode, 'counted');
	is($total->{damaged}, total_damaged(values %row) + $odd, "damaged rows and $odd odd files");
	my %want = (ZER0 => qr/empty/, SPARSE => qr/no queue file/, CLA1M => qr/100000 recipients/, TW1N => qr/hard link/,
	    TW1N2 => qr/hard link/, 'M0VED#FIX' => qr/postsuper -s/);
	like("@{ $row{$_}{damage} }", $want{$_}, "$_ says why") for sort keys %want;
	is_deeply($row{$_}{damage}, [], "$_ is whole") for qw(G00D A L0NG L0NGHEAD);
	SKIP: {
		skip 'modes are POSIX', 4 if !@by_mode;
		is_deeply($row{WR1T1NG}{damage}, [], 'WR1T1NG is whole');
		is($row{WR1T1NG}{state}, 'incomplete', 'a file that is written');
		like("@{ $row{B1TTEN}{damage} }", qr/delivery agent/, 'B1TTEN says why');
		is($row{B1TTEN}{state}, 'corrupt', 'a file that a delivery agent marked');
	}
	is($row{L0NG}{account}, 'info@shop.example', 'the long line hides nothing');
	is($row{SPARSE}{size}, undef, 'a size that nobody told is null');
	is($row{CLA1M}{recipients}, 3, 'recipients are counted, not believed');
	is($row{C0RRUPT}{state}, 'corrupt', 'a file that qmgr put aside');
	unlike($scan->{out} . $scan->{err}, qr/\e|root:x/, 'no raw escape, nothing of the linked file');

	unlink glob "$spool/hold/*";
	unlink map { "$spool/hold/$_" } @bad_names;
	unlink map { "$spool/$_" } 'deferred/M0VED#FIX', qw(deferred/CLA1M deferred/TW1N2 active/B1TTEN corrupt/C0RRUPT);
	$scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 0, 'without the damage: exit 0') or diag $scan->{err};
	($total) = json_lines($scan->{out});
	is($total->{messages}, @by_mode ? 4 : 3, 'the others are there');
	is($total->{gone}, @by_mode ? 9 : 8, 'the rest is gone');
	is($total->{damaged}, 0, 'no damage');
};

subtest 'a link as queue folder' => sub {
	plan skip_all => 'Wine follows links' if is_windows();
	my ($spool, $index) = ("$work/linked", "$work/linked.db");
	make_queues($spool);
	spew("$spool/deferred/G00D", queue_file(), 0700);
	spew("$work/elsewhere/ST0LEN", queue_file(), 0700);
	rmdir "$spool/hold" or die $!;
	symlink "$work/elsewhere", "$spool/hold" or die $!;
	my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 3, 'exit 3');
	my ($total) = json_lines($scan->{out});
	is_deeply($total->{unknown}, ['hold'], 'hold is unknown');
	is($total->{messages}, 1, 'nothing behind the link was read');
	my $other = "$work/whole";
	make_queues($other);
	like(sweep({ index => "$work/two.db" }, 'scan', $other, $spool)->{err}, qr/postfix:\Q$spool\E:\n.*UNKNOWN.*hold/,
	    'of two spools the right one is named');
	my $list = sweep({ index => $index }, 'list', '--json');
	is($list->{status}, 3, 'list says so, too');
	like($list->{err}, qr/hold/, 'and names it');
};

subtest 'a copy that lost its modes' => sub {
	for my $mode (0644, 0600) {
		my $name = sprintf '%o', $mode;
		my ($spool, $index) = ("$work/copy$name", "$work/copy$name.db");
		spew("$spool/deferred/A/A$_", queue_file(), $mode) for 1 .. 5;
		spew("$spool/defer/A/A1", "<a\@one.example>: later\nrecipient=a\@one.example\nreason=host said: 451 later\n\n", $mode);
		my $scan = sweep({ index => $index }, 'scan', $spool);
		is($scan->{status}, 0, "$name: exit 0") or diag $scan->{err};
		SKIP: {
			skip 'modes are POSIX', 1 if is_windows();
			like($scan->{err} . $scan->{out}, qr/lost its modes/, "$name: it is said");
		}
		my %row = by_id(listing($index));
		is_deeply([map { $_->{state} } values %row], [('deferred') x 5], "$name: read as complete");
		is($row{A1}{reason}, 'host said: 451 later', "$name: the log is joined by address");
	}
};

# A retry takes messages from deferred to active while we scan: each is counted once.
subtest 'messages that move during the scan' => sub {
	my ($spool, $index) = ("$work/moving", "$work/moving.db");
	my $n = 400;
	make_queues($spool);
	spew(sprintf("%s/deferred/%X/%X%04XAB", $spool, $_ % 16, $_ % 16, $_), queue_file(account => "u$_\@x.example"), 0700) for 1 .. $n;
	for my $round (1 .. 2) {
		my ($from, $to) = $round == 1 ? ('deferred', 'active') : ('active', 'deferred');
		my $pid = fork;
		die $! unless defined $pid;
		if ($pid == 0) {
			for my $i (1 .. $n) {
				my $id = sprintf '%X%04XAB', $i % 16, $i;
				my %at = (deferred => sprintf('%X/%s', $i % 16, $id), active => $id);
				rename "$spool/$from/$at{$from}", "$spool/$to/$at{$to}" or POSIX::_exit(1);
				Time::HiRes::usleep(100);
			}
			POSIX::_exit(0);
		}
		my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
		waitpid $pid, 0;
		is($?, 0, "round $round: all were moved");
		is($scan->{status}, 0, "round $round: exit 0") or diag $scan->{err};
		my ($total) = json_lines($scan->{out});
		is($total->{messages}, $n, "round $round: each counted once");
		is($total->{gone}, 0, "round $round: none lost");
	}
	is(scalar(() = listing($index, '--all')), $n, 'each listed once');
};

# qmgr tries each message again and again: it goes to active and back while we scan, more than once.
subtest 'messages that go and come back during the scan' => sub {
	plan skip_all => 'no Postfix delivers on Windows' if is_windows();
	my ($spool, $index) = ("$work/restless", "$work/restless.db");
	my $n = 1500;
	make_queues($spool);
	my @id = map { sprintf '%X%04XAB', $_ % 16, $_ } 1 .. $n;
	spew("$spool/deferred/" . substr($_, 0, 1) . "/$_", queue_file(), 0700) for @id;
	spew("$spool/defer/" . substr($_, 0, 1) . "/$_", "<a\@one.example>: later\n\n", 0600) for @id[0 .. 99];
	my $pid = fork;
	die $! unless defined $pid;
	if ($pid == 0) {
		my %active;
		srand 1;
		while (getppid() != 1) {
			my $id = $id[rand @id];
			my @at = ("$spool/deferred/" . substr($id, 0, 1) . "/$id", "$spool/active/$id");
			rename $at[$active{$id} ? 1 : 0], $at[$active{$id} ? 0 : 1] or POSIX::_exit(1);
			$active{$id} = !$active{$id};
		}
		POSIX::_exit(0);
	}
	my @wrong;
	for my $round (1 .. 12) {
		my $scan = sweep({ index => $round % 2 ? $index : "$work/restless$round.db" }, 'scan', '--json', $spool);
		my ($total) = json_lines($scan->{out});
		push @wrong, "$round: $scan->{out}"
		    if $scan->{status} != 0 || "$total->{messages} $total->{gone} $total->{orphans}" ne "$n 0 0";
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
	is_deeply(\@wrong, [], 'every scan counts each once and loses none');
	is(scalar(() = listing($index, '--all')), $n, 'each listed once');
};

subtest 'logs without a message' => sub {
	my ($spool, $index) = ("$work/logs", "$work/logs.db");
	make_queues($spool);
	spew("$spool/incoming/Y0UNG", '', 0600);
	# Without modes nothing tells that it is still being written.
	my ($damaged, $status, $state) = is_windows() ? (1, 3, 'queued') : (0, 0, 'incomplete');
	spew("$spool/defer/A/A1", "<a\@one.example>: later\n\n", 0600);
	my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
	my ($total) = json_lines($scan->{out});
	is("$total->{messages} $total->{orphans} $total->{damaged}", "1 1 $damaged", 'counted, without a row');
	is($scan->{status}, $status, 'damage alone is exit 3');
	my ($young) = listing($index);
	is("$young->{state} " . ($young->{recipients} // 'null') . ' ' . ($young->{pending} // 'null'), "$state null null",
	    'a message of which nothing is written has no 0 recipients');
	is((json_lines(sweep({ index => $index }, 'rank', '--json')->{out}))[0]{recipients}, undef, 'nor has its row of rank');
};

subtest 'an unreadable folder, as an unprivileged user' => sub {
	plan skip_all => 'other users are not played under Wine' if is_windows();
	plan skip_all => 'needs root for setpriv' if $> != 0;
	my ($top, $nobody) = ("$work/private", 65534);
	my ($spool, $index) = ("$top/spool", "$top/index.db");
	make_queues($spool);
	spew("$spool/deferred/A/A$_", queue_file(), 0700) for 1 .. 3;
	spew("$spool/hold/H$_", queue_file(), 0700) for 1 .. 2;
	spew("$spool/defer/A/A1", "<a\@one.example>: later\nreason=x\n\n", 0600);
	chmod 0755, $work;
	system('chown', '-R', "$nobody:$nobody", $top) == 0 or die;
	my %as = (index => $index, wrap => ['setpriv', '--reuid', $nobody, '--regid', $nobody, '--clear-groups']);
	is(sweep(\%as, 'scan', $spool)->{status}, 0, 'readable: exit 0');
	for my $case (['hold', 'hold', 5], ['deferred/A', 'deferred', 5]) {
		my ($dir, $queue, $messages) = @$case;
		chmod 0, "$spool/$dir" or die $!;
		my $scan = sweep(\%as, 'scan', '--json', $spool);
		is($scan->{status}, 3, "$dir: exit 3");
		my ($total) = json_lines($scan->{out});
		is_deeply($total->{unknown}, [$queue], "$dir: unknown");
		is($total->{gone}, 0, "$dir: none is gone");
		is($total->{orphans} // 0, 0, "$dir: a log whose queue was not read is no orphan");
		my $list = sweep(\%as, 'list', '--json', '--all');
		is($list->{status}, 3, "$dir: list is exit 3");
		is(scalar(() = json_lines($list->{out})), $messages, "$dir: its messages stay listed");
		chmod 0700, "$spool/$dir" or die $!;
	}
	chmod 0, "$spool/deferred/A/A2" or die $!;
	my $scan = sweep(\%as, 'scan', '--full', '--json', $spool);
	is($scan->{status}, 3, 'an unreadable message: exit 3');
	is((json_lines($scan->{out}))[0]{gone}, 0, 'it is not gone');
	chmod 0700, "$spool/deferred/A/A2" or die $!;
	is(sweep(\%as, 'scan', '--full', $spool)->{status}, 0, 'readable again: exit 0');
	chmod 0, $spool or die $!;
	is(sweep(\%as, 'scan', $spool)->{status}, 1, 'a spool that cannot be read at all: exit 1');
	chmod 0755, $spool or die $!;
};

done_testing();
