#!/usr/bin/perl
# Exim spools that are damaged, hostile or half readable: every message with a valid name is listed, nothing is followed, no false zero.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use POSIX qw(mkfifo);
use Socket;
use Test::More;
use Sweep;

my $work = work_dir();
my $now = time;
my $serial = 0;

# A fresh id of the short kind: the time digits are fixed, so its split folder is M.
sub new_id { return sprintf '1qDO9M-%06d-2p', ++$serial }

# A counted header of a -H.
sub header
{
	my ($text, $flag) = @_;

	return sprintf "%03d%s %s\n", 1 + length $text, $flag || ' ', $text;
}

# A -H: rcpt (list), count (claimed), options, subject, sender.
sub envelope
{
	my ($id, %o) = @_;
	my @rcpt = @{ $o{rcpt} || ['a@one.example'] };

	return "$id-H\nwww-data 33 33\n<" . ($o{sender} // 'info@shop.example') . ">\n$now 0\n"
	    . ($o{options} // "-received_protocol esmtpa\n-host_auth plain\n-auth_id info\@shop.example\n-host_address [192.0.2.7]:4711\n")
	    . "XX\n" . ($o{count} // scalar @rcpt) . "\n" . join('', map { "$_\n" } @rcpt) . "\n"
	    . header('Received: from laptop by mx', 'P') . header('Subject: ' . ($o{subject} // 'plain'));
}

sub put_message
{
	my ($dir, $id, %o) = @_;

	spew("$dir/$id-D", "$id-D\ntext\n", 0640);
	spew("$dir/$id-H", envelope($id, %o), 0640);
	return $id;
}

sub make_spool
{
	my ($root) = @_;

	make_path(map { "$root/$_" } qw(input msglog db));
}

sub by_id { return map { $_->{id} => $_ } @_ }

sub total_damaged { return scalar grep { @{ $_->{damage} } } @_ }

for my $layout (['flat and short ids', '--flat'], ['split, long ids, a named queue', '--split', '--long-ids', '--named-queue', 'lists']) {
	my ($name, @how) = @$layout;
	subtest "every damage that mkspool makes: $name" => sub {
		my ($spool, $index) = ("$work/made$how[0]", "$work/made$how[0].db");
		mkspool('--damage', '--hostile', @how, '--truth', "$spool.jsonl", 'exim', $spool, 200);
		my @truth = read_truth("$spool.jsonl");
		my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
		is($scan->{status}, 3, 'damage is exit 3');
		is($scan->{signal}, 0, 'no crash');
		my ($total) = json_lines($scan->{out});
		my %row = by_id(listing($index));
		my (@missing, @extra, @unmarked, @accused, @differ, $seen);
		for my $t (@truth) {
			my $r = $row{ $t->{id} };
			my $label = ($t->{case} || 'ordinary') . " $t->{id}";
			push @missing, $label if !$r && $t->{listed};
			push @extra, $label if $r && !$t->{listed};
			next unless $r && $t->{listed};
			$seen++;
			# Exim looks at the length of the first line of -D only (spool_in.c: spool_open_datafile).
			my $want = $t->{damage} && ($t->{case} || '') ne 'data-wrong-id';
			push @unmarked, $label if $want && !@{ $r->{damage} };
			push @accused, "$label: @{ $r->{damage} }" if !$want && @{ $r->{damage} };
			next if $t->{damage};
			push @differ, "$label: $_ is " . ($r->{$_} // 'null') . ", made " . ($t->{$_} // 'null')
			    for grep { ($r->{$_} // 'null') ne ($t->{$_} // 'null') } qw(queue state account account_kind sender client size recipients pending);
		}
		is_deeply(\@missing, [], 'all are listed');
		is_deeply(\@extra, [], 'a log, journal or temporary file alone is no message');
		is_deeply(\@unmarked, [], 'what is damaged says so');
		is_deeply(\@accused, [], 'what is whole does not');
		is_deeply(\@differ, [], 'and is read as it was made');
		cmp_ok($seen, '>=', 240, "$seen messages compared");
		my %half;
		for my $file (split /\0/, `find '$spool' -name '*-[HD]' -print0`) {
			$half{$1}{$2} = 1 if $file =~ m{([^/]+)-([HD])$};
		}
		is($total->{orphans}, scalar(grep { keys %{ $half{$_} } == 1 } keys %half), 'halves are orphans');
		cmp_ok($total->{orphans}, '>=', 2, 'and there are such');
		is($total->{messages}, scalar keys %row, 'messages is what list shows');
		cmp_ok($total->{damaged}, '>=', total_damaged(values %row), 'damaged is what list shows, and the odd files');
		is_deeply($total->{unknown}, [], 'all was read');
		my $again = sweep({ index => $index }, 'scan', '--json', $spool);
		is($again->{status}, 3, 'a re-scan says it again');
		is_deeply([@{ (json_lines($again->{out}))[0] }{qw(new changed gone)}], [0, 0, 0], 'and finds nothing new');
		is(sweep({ index => $index }, 'list', '--csv')->{status}, 0, 'listing damaged rows is no error');
	};
}

subtest 'hand-made hostility' => sub {
	my ($spool, $index) = ("$work/hand", "$work/hand.db");
	make_spool($spool);
	my $in = "$spool/input";
	my @links = is_windows() ? () : qw(d_link h_link h_fifo);	# Wine follows links
	my %id = map { $_ => new_id() } qw(good empty sparse_h sparse_d long_line long_subject long_rcpt claim twin no_h no_d h_dir spoof deep both), @links;
	put_message($in, $id{good});
	put_message($in, $_) for @id{qw(empty sparse_h sparse_d no_d)};
	spew("$in/$id{empty}-H", '', 0640);
	spew("$in/$id{sparse_h}-H", '', 0640);
	for my $file ("$id{sparse_h}-H", "$id{sparse_d}-D") {
		truncate "$in/$file", 1 << 30 or die $!;
	}
	put_message($in, $id{long_line}, options => '-foo ' . 'x' x (10 << 20) . "\n-auth_id info\@shop.example\n-host_auth plain\n");
	put_message($in, $id{long_subject}, subject => 'y' x (10 << 20));
	put_message($in, $id{long_rcpt}, rcpt => ['a@one.example', 'z' x (10 << 20)]);
	put_message($in, $id{claim}, count => 100_000, rcpt => [qw(a@x.example b@x.example c@x.example)]);
	put_message($in, $id{twin});
	link "$in/$id{twin}-H", "$spool/kept" or die $!;
	spew("$in/$id{no_h}-D", "$id{no_h}-D\ntext\n", 0640);
	utime $now - 86400 * 3, $now - 86400 * 3, "$in/$id{no_h}-D" or die $!;
	unlink "$in/$id{no_d}-D" or die $!;
	my $lie = "-frozen 1\nXX\n1\nliar\@evil.example\n\n";
	put_message($in, $id{spoof}, options => '-aclm _x ' . length($lie) . "\n$lie\n-received_protocol local\n-auth_id liar\n");
	my $tree = join('', map { "YN n$_\@x.example\n" } 1 .. 100_000) . "NN a\@one.example\n";
	put_message($in, $id{deep});
	spew("$in/$id{deep}-H", envelope($id{deep}) =~ s/^XX\n/$tree/mr, 0640);
	make_path("$in/M");
	put_message($_, $id{both}) for $in, "$in/M";

	put_message($in, $_) for @id{@links, 'h_dir'};
	spew("$spool/secret", "root:x:0:0\n", 0600);
	unlink "$in/$id{h_dir}-H";
	mkdir "$in/$id{h_dir}-H" or die $!;
	my $odd = 1;
	my $lone = new_id();
	if (@links) {
		unlink "$in/$id{d_link}-D", map { "$in/$_-H" } @id{qw(h_link h_fifo)};
		symlink '../secret', "$in/$id{d_link}-D" or die $!;
		symlink '../secret', "$in/$id{h_link}-H" or die $!;
		mkfifo("$in/$id{h_fifo}-H", 0640) or die $!;
		symlink '/etc/passwd', "$in/$lone-H" or die $!;
		$odd = 5;
	}
	socket my $sock, AF_UNIX, SOCK_STREAM, 0 or die $!;
	my $short = tempdir('sweepXXXXXX', TMPDIR => 1, CLEANUP => 1);	# a socket's path may have 107 bytes
	symlink $spool, "$short/s" or die $!;
	$odd++ if @links && bind $sock, pack_sockaddr_un("$short/s/msglog/" . new_id());
	$odd++ if @links && system("mknod '$in/" . new_id() . "-J' c 1 3 2>/dev/null") == 0;
	my @bad_names = ("new\nline-H", "1qDO9M-00000\n-2p-H", "1qDO9M-00000\e-2p-H", "1qDO9M-0000\xff0-2p-H", '1qDO9M-000000-2-H', '1qDO9M-0000001-2p-H');
	spew("$in/$_", envelope('x'), 0640) for @bad_names;
	spew("$spool/scan/$id{good}/$id{good}.eml", 'a copy', 0640);
	spew("$spool/msglog/" . new_id(), "alone\n", 0640);
	spew("$in/" . new_id() . '-J', "alone\@x.example\n", 0640);
	put_message("$spool/.spoolsweep/1/input", new_id());

	my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 3, 'exit 3') or diag $scan->{err};
	is($scan->{signal}, 0, 'no crash');
	my ($total) = json_lines($scan->{out});
	my %row = by_id(listing($index));
	is_deeply([sort keys %row], [sort values %id], 'exactly the messages');
	is($total->{messages}, scalar keys %id, 'counted');
	is($total->{orphans}, 2, 'two halves');
	is($total->{damaged}, total_damaged(values %row) + $odd, "damaged rows and $odd odd files");
	is_deeply($total->{unknown}, [], 'no queue is unknown');
	SKIP: {
		skip 'Wine follows links', 5 if !@links;
		like("@{ $row{ $id{$_} }{damage} }", $_ eq 'd_link' ? qr/-D is not a regular file/ : qr/-H is not a regular file/, "$_ says why") for @links;
		is($row{ $id{d_link} }{account}, 'info@shop.example', 'd_link: its account is readable');
		is($row{ $id{d_link} }{size}, undef, 'd_link: a size that cannot be told is null');
	}
	my %want = (empty => qr/-H: empty/, sparse_h => qr/-H: line 1 has no end/, long_rcpt => qr/recipient 2 is too long/,
	    claim => qr/recipient count 100000, 3 present/, no_h => qr/no -H/, no_d => qr/no -D/, h_dir => qr/-H is not a regular file/,
	    both => qr/a second -H/);
	like("@{ $row{ $id{$_} }{damage} }", $want{$_}, "$_ says why") for sort keys %want;
	is_deeply($row{ $id{$_} }{damage}, [], "$_ is whole") for qw(good sparse_d long_line long_subject twin spoof deep);
	like("@{ $row{ $id{twin} }{notes} }", qr/2 links/, 'a hard link is noted');
	is($row{ $id{$_} }{account}, 'info@shop.example', "$_: its account is readable") for qw(good long_line long_subject claim no_d both);
	is($row{ $id{sparse_d} }{size}, (1 << 30) - 19 + 28 + 15 + 1, 'a hole counts as its length');
	is($row{ $id{$_} }{size}, undef, "$_: a size that cannot be told is null") for qw(empty sparse_h no_h no_d);
	is($row{ $id{claim} }{recipients}, 3, 'recipients are counted, not believed');
	is($row{ $id{spoof} }{state}, 'deferred', 'a variable does not freeze');
	is_deeply([@{ $row{ $id{spoof} } }{qw(account account_kind local_user uid)}], ['www-data', 'local', 'www-data', 33], 'nor authenticate');
	is($row{ $id{deep} }{pending}, 0, 'a deep tree is read to its end');
	is($row{ $id{no_h} }{state}, 'corrupt', 'an old -D alone is no message in reception');
	is($row{ $id{no_h} }{sender}, undef, 'its sender is not known');
	is($row{ $id{empty} }{state}, 'corrupt', 'an empty -H');
	unlike($scan->{out} . $scan->{err}, qr/\e|root:x/, 'no raw escape, nothing of the linked file');
	unlike(sweep({ index => $index }, 'list')->{out}, qr/root:x|liar/, 'nor in the list');

	unlink glob "$in/M/*";
	unlink "$in/$lone-H", map { ("$in/$_-H", "$in/$_-D") } @id{grep { $_ !~ /^(?:good|sparse_d|long_line|long_subject|twin|spoof|deep|h_dir)$/ } keys %id};
	rmdir "$in/$id{h_dir}-H" or die $!;
	unlink "$in/$id{h_dir}-D", glob("$in/*-J"), glob("$spool/msglog/*");
	$scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 0, 'without the damage: exit 0') or diag $scan->{err};
	($total) = json_lines($scan->{out});
	is($total->{messages}, 7, 'the others are there');
	is($total->{gone}, scalar(keys %id) - 7, 'the rest is gone');
	is($total->{damaged}, 0, 'no damage');
};

subtest 'a message in reception' => sub {
	my ($spool, $index) = ("$work/coming", "$work/coming.db");
	make_spool($spool);
	my $id = new_id();
	spew("$spool/input/$id-D", "$id-D\nhalf", 0640);
	my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 3, 'exit 3');
	is((json_lines($scan->{out}))[0]{orphans}, 1, 'a half');
	my ($row) = listing($index);
	is($row->{state}, 'incomplete', 'incomplete');
	like("@{ $row->{damage} }", qr/reception/, 'and says what it may be');
	put_message("$spool/input", $id);
	$scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 0, 'when it has come in: exit 0') or diag $scan->{err};
	is_deeply([map { "$_->{state} @{ $_->{damage} }" } listing($index)], ['deferred '], 'and it is whole');
};

subtest 'queues and places' => sub {
	my ($spool, $index) = ("$work/queues", "$work/queues.db");
	make_spool($spool);
	my %at = map { $_ => new_id() } 'input', 'input/M', 'lists/input', 'lists/input/M', 'a/b/input', 'Finput', 'Finput/M', 'lists/Finput';
	put_message("$spool/$_", $at{$_}) for keys %at;
	my $apart = new_id();
	put_message("$spool/input", $apart);
	rename "$spool/input/$apart-D", "$spool/input/M/$apart-D" or die $!;
	spew("$spool/Fmsglog/M/$at{'Finput/M'}", "2026-01-02 03:04:05 a\@one.example R=r T=t defer (111): Connection refused\n", 0640);
	spew("$spool/$_/" . new_id() . '-H', 'x', 0640) for qw(db/input log/input scan/input .spoolsweep/input .spoolsweep-1/input);
	my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 0, 'exit 0') or diag $scan->{err};
	my %row = by_id(listing($index));
	my %queue = ((map { $at{$_} => m{^(.*/)?Finput} ? ($1 // '') . 'Finput' : s{/?input.*}{}r } keys %at), $apart => '');
	is_deeply({ map { $_ => $row{$_}{queue} } keys %row }, \%queue, 'every message in its queue');
	SKIP: {
		skip 'names of files are UTF-16 on Windows', 1 if is_windows();
		make_path("$spool/b\xfc/input");
		my $id = $at{input};
		rename "$spool/input/$id-$_", "$spool/b\xfc/input/$id-$_" or die $! for qw(H D);
		scan_of($index, "exim:$spool");
		unlike(sweep({ index => $index }, 'show', $id)->{err}, qr/the index is older/, 'a queue whose name is no UTF-8 is the same when it is read again');
	}
	is($row{ $at{$_} }{state}, $_ =~ /Finput/ ? 'frozen' : 'deferred', "$_: state") for sort keys %at;
	is($row{ $at{'Finput/M'} }{reason}, 'Connection refused', 'its log is found in Fmsglog');
	is(sweep({ index => $index }, 'scan', "exim:$spool")->{status}, 0, 'KIND:DIR');
};

# Exim replaces -H by rename at every change and moves messages between queues by links: nothing is lost, twice or damaged by that.
subtest 'messages that change and move during the scan' => sub {
	my ($spool, $index, $n) = ("$work/moving", "$work/moving.db", 400);
	make_spool($spool);
	make_path("$spool/lists/input");
	my @ids = map { put_message("$spool/input", new_id(), subject => "number $_") } 1 .. $n;
	my $pid = fork;
	die $! unless defined $pid;
	if ($pid == 0) {
		for my $i (0 .. $n - 1) {
			my ($from, $to) = map { "$spool/$_/$ids[$i]" } 'input', 'lists/input';
			if ($i % 2) {
				spew("$spool/input/hdr.$ids[$i]", slurp("$from-H"), 0640);
				rename "$spool/input/hdr.$ids[$i]", "$from-H" or POSIX::_exit(1);
			} else {
				link "$from-$_", "$to-$_" or POSIX::_exit(1) for qw(D H);
				unlink "$from-$_" or POSIX::_exit(1) for qw(H D);
			}
			select undef, undef, undef, 0.0001;
		}
		POSIX::_exit(0);
	}
	my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
	waitpid $pid, 0;
	is($?, 0, 'all were changed or moved');
	is($scan->{status}, 0, 'exit 0') or diag $scan->{err};
	is((json_lines($scan->{out}))[0]{messages}, $n, 'each counted once');
	is(sweep({ index => $index }, 'scan', $spool)->{status}, 0, 'and again: exit 0');
	my %row = by_id(listing($index));
	is_deeply([sort keys %row], [sort @ids], 'each listed once');
	is(scalar(grep { $_->{queue} eq 'lists' } values %row), $n / 2, 'where it is now');
};

subtest 'a link as queue folder' => sub {
	plan skip_all => 'Wine follows links' if is_windows();
	my ($spool, $index) = ("$work/linked", "$work/linked.db");
	make_spool($spool);
	put_message("$spool/input", new_id());
	put_message("$work/elsewhere/input", new_id());
	put_message("$work/elsewhere", new_id());
	my %case = (M => ["$spool/input/M", ''], msglog => ["$spool/msglog/M", ''], lists => ["$spool/lists", 'lists'], named => ["$spool/bulk/input", 'bulk']);
	make_path("$spool/bulk");
	for my $name (sort keys %case) {
		my ($link, $queue) = @{ $case{$name} };
		symlink "$work/elsewhere", $link or die "$link: $!";
		my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
		is($scan->{status}, 3, "$name: exit 3");
		my ($total) = json_lines($scan->{out});
		is_deeply($total->{unknown}, [$queue], "$name: its queue is unknown");
		is($total->{messages}, 1, "$name: nothing behind the link was read");
		is(sweep({ index => $index }, 'list', '--json')->{status}, 3, "$name: list says so, too");
		unlink $link or die $!;
	}
	rename "$spool/input", "$spool/kept" or die $!;
	symlink 'kept', "$spool/input" or die $!;
	my $scan = sweep({ index => $index }, 'scan', '--json', $spool);
	is($scan->{status}, 3, 'input itself: exit 3') or diag $scan->{err};
	my ($total) = json_lines($scan->{out});
	is_deeply($total->{unknown}, [''], 'unknown');
	is($total->{gone} // 0, 0, 'and none is gone');
};

subtest 'an unreadable folder, as an unprivileged user' => sub {
	plan skip_all => 'other users are not played under Wine' if is_windows();
	plan skip_all => 'needs root for setpriv' if $> != 0;
	my ($top, $nobody) = ("$work/private", 65534);
	my ($spool, $index) = ("$top/spool", "$top/index.db");
	make_spool($spool);
	my @ids = map { new_id() } 1 .. 5;
	put_message("$spool/input/M", $_) for @ids[0, 1];
	put_message("$spool/input", $ids[2]);
	put_message("$spool/lists/input", $_) for @ids[3, 4];
	rename "$spool/input/M/$ids[1]-D", "$spool/input/$ids[1]-D" or die $!;
	spew("$spool/msglog/M/$ids[0]", "2026-01-02 03:04:05 a\@one.example R=r T=t defer (111): Connection refused\n", 0640);
	chmod 0755, $work;
	system('chown', '-R', "$nobody:$nobody", $top) == 0 or die;
	my %as = (index => $index, wrap => ['setpriv', '--reuid', $nobody, '--regid', $nobody, '--clear-groups']);
	is(sweep(\%as, 'scan', $spool)->{status}, 0, 'readable: exit 0');
	for my $case (['input/M', ''], ['msglog/M', ''], ['lists/input', 'lists'], ['lists', 'lists']) {
		my ($dir, $queue) = @$case;
		chmod 0, "$spool/$dir" or die $!;
		my $scan = sweep(\%as, 'scan', '--json', $spool);
		is($scan->{status}, 3, "$dir: exit 3");
		my ($total) = json_lines($scan->{out});
		is_deeply($total->{unknown}, [$queue], "$dir: unknown");
		is($total->{gone}, 0, "$dir: none is gone");
		is($total->{orphans}, 0, "$dir: a half whose other half may be there is no orphan");
		my $list = sweep(\%as, 'list', '--json', '--all');
		is($list->{status}, 3, "$dir: list is exit 3");
		is(scalar(() = json_lines($list->{out})), 5, "$dir: its messages stay listed");
		chmod 0700, "$spool/$dir" or die $!;
	}
	chmod 0, "$spool/input/M/$ids[0]-H" or die $!;
	my $scan = sweep(\%as, 'scan', '--full', '--json', $spool);
	is($scan->{status}, 3, 'an unreadable message: exit 3');
	is((json_lines($scan->{out}))[0]{gone}, 0, 'it is not gone');
	chmod 0640, "$spool/input/M/$ids[0]-H" or die $!;
	is(sweep(\%as, 'scan', '--full', $spool)->{status}, 0, 'readable again: exit 0');
	chmod 0, $spool or die $!;
	is(sweep(\%as, 'scan', $spool)->{status}, 1, 'a spool that cannot be read at all: exit 1');
	chmod 0755, $spool or die $!;
};

subtest 'what is no Exim spool' => sub {
	my $index = "$work/none.db";
	make_path("$work/empty", "$work/fresh/input", "$work/fresh/msglog", "$work/copy/input/M", "$work/bare/input");
	put_message("$work/copy/input/M", new_id());
	my $scan = sweep({ index => $index }, 'scan', "$work/empty");
	is($scan->{status}, 64, 'an empty folder: exit 64');
	like($scan->{err}, qr/exim/, 'and what was looked for');
	is(sweep({ index => $index }, 'scan', "$work/bare")->{status}, 64, 'a folder with an empty input/ alone');
	is(sweep({ index => $index }, 'scan', "$work/fresh")->{status}, 0, 'a fresh spool is one');
	is((scan_of($index, "$work/copy"))[0]{messages}, 1, 'and a copy of input/ alone');
	is(sweep({ index => $index }, 'scan', "exim:$work/empty")->{status}, 3, 'no input/ is no empty queue');
};

done_testing();
