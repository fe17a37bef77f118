# SmarterMail: envelopes of every shape, folders, orphans, local times, damage and hostile names, as files on disk.
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path);
use IO::Socket::UNIX;
use POSIX ();
use Sweep;

my $work = work_dir();
my $count = 0;
my $eml = "Return-Path: <rp\@example.com>\r\nReceived: from JOEPC (host.example.net [203.0.113.42]) by mail.example.com with SMTP\r\n" .
    "\t(version=Tls12 / cipher=Aes256 bits=256);\r\n   Thu, 18 Apr 2024 18:37:32 -0400\r\nFrom: Joe <joe\@example.com>\r\n" .
    "Subject: hello\r\nMessage-ID: <1\@example.com>\r\n\r\nbody\r\n";

# The lines of a sampled envelope; undef leaves a key out.
sub hdr {
	my (%o) = @_;
	my @rcpt = @{ $o{rcpt} || ['alice@example.net'] };
	my @keys = @{ $o{keys} || [
		'retry: 0;04/18/2024 18:37:32', 'from: joe@example.com', $o{no_auth} ? () : 'auth: joe@example.com',
		'spamcheck: _DMARC=0,skipped - DMARC Disabled', 'creationdate: ' . ($o{date} || '04/18/2024 18:37:32'),
		(map { "notify: $_=" . ($o{notify} || '') } @rcpt), 'containsLocalDeliveries: False', 'connectedip: 203.0.113.42',
		'helo: JOEPC', 'connectedhostname: host-203-0-113-42.example.net', 'smtpSessionId: 33155805',
		'dmarcResult: ' . ($o{dmarc} || 'Skipped (DMARC Disabled)'),
	] };
	my $from = exists $o{from} ? $o{from} : 'joe@example.com';
	return join('', map { "$_\r\n" } $o{status} || 'Written ', $from, join(',', @rcpt), @keys, '');
}

sub pair {
	my ($base, $hdr, $body) = @_;
	spew("$base.eml", defined $body ? $body : $eml);
	spew("$base.hdr", $hdr);
}

# A fresh spool filled by a sub, scanned: ($exit, scan's object, rows by "queue/id", the spool, its index, stderr).
sub scanned {
	my ($fill, @options) = @_;
	my $spool = "$work/spool" . ++$count;
	make_path($spool);
	$fill->($spool);
	my $index = "$spool.db";
	my $r = sweep({ index => $index }, 'scan', '--json', '--timezone', 'UTC', @options, "smartermail:$spool");
	is($r->{signal}, 0, 'no signal') or diag $r->{err};
	my ($total) = json_lines($r->{out});
	my %row = map { ("$_->{queue}/$_->{id}" => $_) } listing($index);
	return ($r->{status}, $total, \%row, $spool, $index, $r->{err});
}

# What is wrong with a message, on one line.
sub damage { my ($row) = @_; return $row ? join('; ', @{ $row->{damage} }) : 'no row' }
sub notes { my ($row) = @_; return $row ? join('; ', @{ $row->{notes} }) : 'no row' }

subtest 'the sampled envelopes' => sub {
	my ($status, $total, $row, $spool, $index) = scanned(sub {
		my ($s) = @_;
		my @two = ('alice@example.net', 'bob@example.org');
		pair("$s/SubSpool1/1", hdr());
		pair("$s/SubSpool1/2", hdr(rcpt => \@two, dmarc => 'Skipped (Authenticated)'));
		pair("$s/SubSpool1/3", hdr(rcpt => \@two, notify => 'failure,delay'));
		pair("$s/SubSpool1/4", hdr(status => 'Failed '));
		spew("$s/SubSpool1/5.hdr", "Writing \r\njoe\@example.com\r\nalice\@example.net\r\nretry: 0;04/18/2024 18:37:32\r\nfrom: joe\@exa");
		spew("$s/SubSpool1/5.em_", "Return-Path: <joe");
		pair("$s/SubSpool1/6", hdr(no_auth => 1));
		pair("$s/SubSpool1/7", hdr(keys => ['connectedIP: 203.0.113.42', 'connectedHostName: h.example.net', 'connectedPort: 51234']));
	});
	is($status, 3, 'Failed is damage: exit 3');
	is("$total->{messages} $total->{damaged} $total->{orphans} $total->{files}", '7 1 0 14', 'totals');
	my %want = (
		spool => $spool, kind => 'smartermail', queue => 'SubSpool1', id => '1', account => 'joe@example.com', account_kind => 'auth',
		domain => 'example.com', sender => 'joe@example.com', sender_domain => 'example.com', client => '203.0.113.42',
		client_name => 'host-203-0-113-42.example.net', helo => 'JOEPC', protocol => undef, local_user => undef, uid => undef,
		script => undef, arrived => '2024-04-18T18:37:32Z', size => length $eml, recipients => 1, pending => 1,
		from => 'Joe <joe@example.com>', subject => 'hello', message_id => '<1@example.com>', state => 'queued', reason => undef,
		damage => [], notes => [],
	);
	is_deeply($row->{'SubSpool1/1'}, \%want, 'F1, every key');
	for my $n (2, 3) {
		is_deeply($row->{"SubSpool1/$n"}, { %want, id => "$n", recipients => 2, pending => 2 }, "F$n: two recipients");
	}
	is_deeply($row->{'SubSpool1/4'}, { %want, id => '4', state => 'corrupt', damage => ['status "Failed"'] }, 'F4: Failed');
	my $cut = $row->{'SubSpool1/5'};
	is("$cut->{state}|" . damage($cut) . '|' . notes($cut), 'incomplete||.hdr is cut in mid-line', 'F5: being written is no damage');
	is($cut->{size}, undef, 'F5: there is no .eml yet');
	is_deeply($row->{'SubSpool1/6'}, { %want, id => '6', account => '203.0.113.42', account_kind => 'client', domain => undef },
	    'F6: without auth the client is the account');
	my $old = $row->{'SubSpool1/7'};
	is("$old->{client} $old->{client_name} $old->{state}", '203.0.113.42 h.example.net queued', 'F7: keys of another case');
	is($old->{arrived}, undef, 'F7: no date');

	my $show = sweep({ index => $index }, 'show', '--json', '2');
	is($show->{status}, 0, 'show');
	my ($m) = json_lines($show->{out});
	is_deeply([map { "$_->{address} $_->{state}" } @{ $m->{recipient_list} }], ['alice@example.net pending', 'bob@example.org pending'],
	    'show has the recipients');
	is_deeply([sort map { $_->{path} } @{ $m->{files} }], ['SubSpool1/2.eml', 'SubSpool1/2.hdr'], 'and the files');
};

subtest 'not seen, but survived' => sub {
	my $three = "Written \r\n\r\na\@b.example\r\n";
	my @many = map { sprintf 'u%05d@example.net', $_ } 1 .. 10000;
	# name, envelope, expected: state sender recipients pending account_kind damage notes
	my @cases = (
		['empty-sender', $three . "\r\n", 'queued||1|1|bounce||'],
		['null-sender', "Written \r\n<>\r\na\@b.example\r\n\r\n", 'queued||1|1|bounce||'],
		['retry-7', hdr(keys => ['retry: 7;04/19/2024 01:02:03', 'auth: joe@example.com']), 'deferred|joe@example.com|1|null|auth||'],
		['rcpt-500', hdr(rcpt => [@many[0 .. 499]]), 'queued|joe@example.com|500|500|auth||'],
		['rcpt-10000', hdr(rcpt => \@many), 'queued|joe@example.com|10000|10000|auth||'],
		['lf-only', hdr() =~ s/\r//gr, 'queued|joe@example.com|1|1|auth||'],
		['bom', "\xef\xbb\xbf" . hdr(), 'queued|joe@example.com|1|1|auth||'],
		['no-blank-line', hdr() =~ s/\r\n\z//r, 'queued|joe@example.com|1|1|auth||no blank line at the end of .hdr'],
		['three-lines', $three, 'queued||1|1|bounce||no blank line at the end of .hdr'],
		['empty', '', 'corrupt|rp@example.com|null|null|sender|empty .hdr|'],
		['nul', "\0" x 700, 'corrupt|rp@example.com|null|null|sender|NUL bytes in .hdr|'],
		['nul-tail', substr(hdr(), 0, 100) . "\0" x 400, 'queued|joe@example.com|1|1|client|NUL bytes in .hdr|', 1],
		['cut', substr(hdr(), 0, 200), 'queued|joe@example.com|1|1|auth|.hdr is cut in mid-line|unreadable creationdate'],
		['two-lines', "Written \r\njoe\@example.com\r\n", 'queued|joe@example.com|0|0|sender|fewer than three lines in .hdr|', 1],
		['auth-same', hdr(keys => ['auth: joe@example.com', 'Auth: JOE@example.com']), 'queued|joe@example.com|1|1|auth||duplicate auth'],
		['auth-other', hdr(keys => ['auth: joe@example.com', 'auth: eve@example.com']), 'queued|joe@example.com|1|1|auth|two different auth lines|'],
		['odd-case', hdr(keys => ['AuTh:joe@example.com', 'CREATIONDATE: 04/18/2024 18:37:32']), 'queued|joe@example.com|1|1|auth||'],
		['quarantined', hdr(status => 'Quarantined '), 'held|joe@example.com|1|1|auth||'],
		['unknown-word', hdr(status => 'Ready'), 'corrupt|joe@example.com|1|1|auth|status "Ready"|'],
		['lower-case-word', hdr(status => 'written '), 'corrupt|joe@example.com|1|1|auth|status "written"|'],
		['quoted-comma', hdr(rcpt => ['"a,b"@example.net', 'c@example.net']), 'queued|joe@example.com|2|2|auth||'],
		['bad-date', hdr(date => 'yesterday'), 'queued|joe@example.com|1|1|auth||unreadable creationdate'],
	);
	my ($status, $total, $row) = scanned(sub {
		my ($s) = @_;
		pair("$s/$_->[0]", $_->[1]) for @cases;
		pair("$s/non-ascii", hdr(from => "j\xc3\xbcrgen\@example.com", rcpt => ["\xc3\xa7\@example.net"], no_auth => 1));
		pair("$s/eml-bom", hdr(), "\xef\xbb\xbfFrom: x\@example.com\r\nSubject: after a BOM\r\n\r\nbody\r\n");
	});
	is($status, 3, 'exit 3 for the damaged ones');
	is($total->{messages}, @cases + 2, 'all are listed');
	is($total->{damaged}, scalar(grep { (split /\|/, $_->[2])[5] } @cases), 'the damaged ones are counted');
	for my $case (@cases) {
		my ($name, undef, $want, $loose) = @$case;
		my $m = $row->{"/$name"};
		my $got = join '|', (map { defined $m->{$_} ? $m->{$_} : 'null' } qw(state sender recipients pending account_kind)), damage($m), notes($m);
		my ($g, $w) = ($got, $want);
		($g, $w) = map { join '|', (split /\|/)[0, 1, 5] } $g, $w if $loose;
		is($g, $w, $name);
	}
	is($row->{'/retry-7'}{pending}, undef, 'after a retry pending is not known');
	is($row->{'/bad-date'}{arrived}, undef, 'a date that cannot be parsed is null');
	is($row->{'/non-ascii'}{sender}, "j\xfcrgen\@example.com", 'a non-ASCII address');
	is($row->{'/eml-bom'}{subject}, 'after a BOM', 'a BOM before the first header');
	is($row->{'/eml-bom'}{from}, 'x@example.com', 'and the header behind it');
};

subtest 'folders and orphans' => sub {
	my ($status, $total, $row, $spool, $index) = scanned(sub {
		my ($s) = @_;
		pair("$s/$_/1", hdr()) for '.', 'SubSpool1', 'SubSpool10', 'proc', 'proc/work', 'Drop', 'delay', 'Quarantine/2022-09-01', 'MovedItems', 'Any Other/x';
		for my $dir ('', 'SubSpool1/', 'proc/', 'proc/work/', 'Drop/', 'Quarantine/2022-09-01/', 'MovedItems/') {
			spew("$s/${dir}11.hdr", hdr());
			spew("$s/${dir}12.eml", $eml);
			spew("$s/${dir}13.em_", 'half');
		}
		spew("$s/1.hdr.$_", 'x') for 'sort', 'pending';
		spew("$s/notes.txt", 'x');
		pair("$s/.spoolsweep/20240418-plan1-00000000/1", hdr());
		pair("$s/.spoolsweep-Spool/1", hdr());
	});
	is($status, 3, 'orphans: exit 3');
	is("$total->{messages} $total->{orphans} $total->{files}", '31 18 41', 'totals: .eml alone in Drop, Quarantine, proc/work is no orphan');
	is_deeply($total->{unknown}, [], 'all was read');
	is(join('|', sort grep { m{/1$} } keys %$row),
	    '/1|Any Other/x/1|Drop/1|MovedItems/1|Quarantine/2022-09-01/1|SubSpool1/1|SubSpool10/1|delay/1|proc/1|proc/work/1', 'the folder is the queue');
	my %plain = ('Drop' => 'queued', 'Quarantine/2022-09-01' => 'held', 'proc/work' => 'queued');
	for my $dir ('', 'SubSpool1', 'proc', 'MovedItems', sort keys %plain) {
		my $m = $row->{"$dir/12"};
		is("$m->{state} " . damage($m), ($plain{$dir} || 'corrupt') . ($plain{$dir} ? ' ' : ' .hdr is missing'), "'$dir': .eml alone");
		is($m->{sender}, 'rp@example.com', "'$dir': its Return-Path is the sender");
		is($m->{recipients}, undef, "'$dir': nobody told the recipients");
		is(damage($row->{"$dir/11"}), '.eml is missing', "'$dir': .hdr alone");
		is($row->{"$dir/13"}{state} . ' ' . damage($row->{"$dir/13"}), 'incomplete .hdr is missing', "'$dir': .em_ alone");
	}
	is(sweep_ok({ index => $index }, 'list', '-c', '--queue', 'SubSpool1')->{out}, "4\n", 'a queue is selected');
	is(sweep_ok({ index => $index, status => [3] }, 'scan', '--json', $spool)->{out} =~ /"unchanged":31,/, 1, 'a re-scan finds nothing new');
};

subtest 'names match without case' => sub {
	my ($status, $total, $row) = scanned(sub {
		my ($s) = @_;
		spew("$s/42615432C100.EML", $eml);
		spew("$s/42615432c100.Hdr", hdr());
		pair("$s/422405313455-1", hdr());
		pair("$s/8386602909001z", hdr());
	});
	is("$status $total->{messages} $total->{orphans}", '0 3 0', 'pairs of mixed case');
	is(damage($row->{'/42615432C100'}), '', 'the id is the base name of the .eml');
	($status, $total, $row) = scanned(sub {
		my ($s) = @_;
		pair("$s/abc", hdr());
		pair("$s/ABC", hdr(no_auth => 1));
	});
	is("$status $total->{messages} $total->{damaged}", '3 2 2', 'names that differ only in case: both are reported');
	is(damage($row->{'/abc'}), 'names differ only in case', 'as damage');
	is("$row->{'/abc'}{account_kind} $row->{'/ABC'}{account_kind}", 'auth client', 'and not merged');
};

subtest 'local times' => sub {
	my $dates = [
		['plain', '04/18/2024 18:37:32'], ['twice-ist', '11/08/2015 03:30:00'], ['gap-ist', '03/29/2015 03:30:00'],
		['twice-ny', '11/03/2024 01:30:00'], ['gap-ny', '03/10/2024 02:30:00'], ['iso', '2024-04-18 18:37:32'], ['none', '99/99/2024 18:37:32'],
	];
	my %want = (
		'Europe/Istanbul' => { plain => '2024-04-18T15:37:32Z', 'twice-ist' => '2015-11-08T00:30:00Z', 'gap-ist' => '2015-03-29T01:30:00Z',
			'twice-ny' => '2024-11-02T22:30:00Z', iso => '2024-04-18T15:37:32Z', none => undef },
		'America/New_York' => { plain => '2024-04-18T22:37:32Z', 'twice-ny' => '2024-11-03T05:30:00Z', 'gap-ny' => '2024-03-10T07:30:00Z', none => undef },
		'UTC' => { plain => '2024-04-18T18:37:32Z', 'twice-ny' => '2024-11-03T01:30:00Z' },
	);
	for my $zone (sort keys %want) {
		my ($status, undef, $row) = scanned(sub {
			my ($s) = @_;
			pair("$s/$_->[0]", hdr(date => $_->[1])) for @$dates;
		}, '--timezone', $zone);
		is($status, 0, "$zone: a bad date is no damage");
		is($row->{"/$_"}{arrived}, $want{$zone}{$_}, "$zone: $_") for sort keys %{ $want{$zone} };
	}
	my $spool = "$work/spool$count";
	{
		local $ENV{TZ} = 'America/New_York';
		my $index = "$work/machine.db";
		sweep_ok({ index => $index }, 'scan', "smartermail:$spool");
		my %row = map { ($_->{id} => $_) } listing($index);
		is($row{plain}{arrived}, '2024-04-18T22:37:32Z', "the machine's zone by default");
	}
	for my $zone ('Europe/Istanbul', 'America/New_York', 'UTC') {
		my $index = "$work/zones.db";
		sweep_ok({ index => $index }, 'scan', '--timezone', $zone, "smartermail:$spool");
		my %row = map { ($_->{id} => $_) } listing($index);
		is($row{plain}{arrived}, $want{$zone}{plain}, "$zone: a re-scan in another zone reads the times anew");
	}
	my $bad = sweep({ index => "$work/bad.db" }, 'scan', '--timezone', 'Mars/Olympus', "smartermail:$spool");
	isnt($bad->{status}, 0, 'an unknown zone is an error');
	like($bad->{err}, qr/Mars/, 'and named');
};

sub sparse { my ($path, $size) = @_; spew($path, ''); truncate $path, $size or die "$path: $!" }

subtest 'damaged files' => sub {
	my $big = 10 * 1024 * 1024;
	my ($status, $total, $row) = scanned(sub {
		my ($s) = @_;
		pair("$s/eml-empty", hdr(), '');
		pair("$s/eml-nul", hdr(), "\0" x 5000);
		pair("$s/eml-line", hdr(), 'x' x $big);
		pair("$s/eml-header", hdr(), 'Subject: ' . 'y' x $big . "\r\n\r\nbody");
		pair("$s/hdr-line", 'z' x $big);
		pair("$s/hdr-rcpt", "Written \r\njoe\@example.com\r\n" . 'a' x $big . "\r\n\r\n");
		pair("$s/hdr-value", hdr(keys => ['auth: joe@example.com', 'helo: ' . 'h' x $big]));
		pair("$s/hdr-claim", hdr(rcpt => [('a@b.example') x 100001]));
		pair("$s/hdr-binary", join '', map { chr(1 + $_ * 7 % 255) } 1 .. 5000);
		pair("$s/sparse-eml", hdr());
		sparse("$s/sparse-eml.eml", 1 << 30);
		pair("$s/sparse-hdr", hdr());
		sparse("$s/sparse-hdr.hdr", 1 << 30);
	});
	is($status, 3, 'exit 3');
	is($total->{messages}, 11, 'all are listed');
	is(damage($row->{'/eml-empty'}), 'empty .eml', '.eml of 0 bytes');
	is(damage($row->{'/eml-nul'}), '.eml begins with NUL bytes', '.eml of NULs');
	is(damage($row->{'/eml-line'}), '', '10 MiB of one line is an odd mail, and a whole one');
	is(damage($row->{'/eml-header'}), '', '10 MiB of one header line is content');
	cmp_ok(length notes($row->{'/eml-header'}), '>', 0, 'which a note tells');
	like(damage($row->{'/hdr-line'}), qr/^status "z+" \(cut\); fewer than three lines/, '10 MiB of one line as .hdr');
	like(damage($row->{'/hdr-rcpt'}), qr/^recipient longer than 4096 bytes/, '10 MiB of one recipient');
	is(damage($row->{'/hdr-value'}), '', 'a long value of another key is no damage');
	is($row->{'/hdr-value'}{account}, 'joe@example.com', 'and hides no account');
	is(damage($row->{'/hdr-claim'}), 'more than 100000 recipients', 'more recipients than any server takes');
	is($row->{'/hdr-claim'}{recipients}, 100000, 'are cut');
	is($row->{'/hdr-binary'}{state}, 'corrupt', 'bytes that are no envelope');
	is(damage($row->{'/sparse-eml'}), '.eml begins with NUL bytes', 'a sparse .eml of 1 GiB');
	is($row->{'/sparse-eml'}{size}, 1 << 30, 'has its size');
	is(damage($row->{'/sparse-hdr'}), 'NUL bytes in .hdr', 'a sparse .hdr of 1 GiB');
};

subtest 'what is no file, and hostile names' => sub {
	plan skip_all => 'no such files and names on Windows' if is_windows();
	my $device = 0;
	my ($status, $total, $row, $spool, $index, $err) = scanned(sub {
		my ($s) = @_;
		pair("$s/1", hdr());
		POSIX::mkfifo("$s/fifo.eml", 0600) or die $!;
		IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "$s/so.hdr", Listen => 1) or die "socket: $!";
		symlink '1.hdr', "$s/link.hdr" or die $!;
		symlink '/etc/passwd', "$s/link.eml" or die $!;
		$device = $> == 0 && system("mknod '$s/null.em_' c 1 3 2>/dev/null") == 0;
		link "$s/1.eml", "$s/hard.eml" or die $!;
		link "$s/1.hdr", "$s/hard.hdr" or die $!;
		POSIX::mkfifo("$s/fifo", 0600) or die $!;
		make_path("$s/folder.eml");
		pair("$s/folder.eml/2", hdr());
		symlink '/etc', "$s/SubSpool9" or die $!;
		pair("$s/new\nline", hdr());
		pair("$s/esc\e[31mred\e[0m", hdr());
		pair("$s/bad\xff\xfeutf", hdr());
		pair("$s/rtl\xe2\x80\xaegpj", hdr());
	});
	diag 'no device could be made here' unless $device;
	is($status, 3, 'exit 3');
	is($total->{messages}, 7, 'regular files are messages');
	is($total->{damaged}, 4 + $device, 'the others are counted in damaged');
	is_deeply($total->{unknown}, ['SubSpool9'], 'a folder that is a link is not entered: unknown');
	is($row->{'folder.eml/2'}{state}, 'queued', 'a folder may have any name');
	is($row->{'/hard'}{state}, 'queued', 'a hard link is a file');
	ok(exists $row->{"/new\nline"}, 'a newline in a name');
	ok(exists $row->{"/esc\e[31mred\e[0m"}, 'ESC in a name');
	is(scalar(grep { m{^/bad.*utf$} } keys %$row), 1, 'invalid UTF-8 in a name');
	my $plain = sweep({ index => $index }, 'list')->{out};
	unlike($plain . $err, qr/\e|\xe2\x80\xae/, 'nothing of it reaches a terminal');
	is(() = ($plain =~ /new.*line/g), 1, 'and a row is one line');
	is(sweep({ index => $index }, 'list', '-c')->{status}, 3, 'list says that a queue was not read');
};

subtest 'what is there under another user' => sub {
	plan skip_all => 'other users are not played under Wine' if is_windows();
	plan skip_all => 'needs root for setpriv' if $> != 0;
	my ($top, $nobody) = ("$work/private", 65534);
	my ($spool, $index) = ("$top/Spool", "$top/index.db");
	pair("$spool/SubSpool1/$_", hdr()) for 1 .. 3;
	pair("$spool/Quarantine/2022-09-01/$_", hdr()) for 4 .. 5;
	chmod 0755, $work;
	system('chown', '-R', "$nobody:$nobody", $top) == 0 or die;
	my %as = (index => $index, wrap => ['setpriv', '--reuid', $nobody, '--regid', $nobody, '--clear-groups']);
	is(sweep(\%as, 'scan', $spool)->{status}, 0, 'readable: exit 0, and the kind is found');
	for my $case (['SubSpool1', 0], ['Quarantine', 0], ['SubSpool1', 0444]) {
		my ($dir, $mode) = @$case;
		my $name = sprintf '%s with mode %04o', $dir, $mode;
		chmod $mode, "$spool/$dir" or die $!;
		my $scan = sweep(\%as, 'scan', '--json', $spool);
		is($scan->{status}, 3, "$name: exit 3");
		my ($total) = json_lines($scan->{out});
		is_deeply($total->{unknown}, [$dir], "$name: unknown");
		is($total->{gone}, 0, "$name: nothing is gone");
		my $list = sweep(\%as, 'list', '--json');
		is($list->{status}, 3, "$name: list is exit 3");
		is(scalar(() = json_lines($list->{out})), 5, "$name: its messages stay listed");
		chmod 0755, "$spool/$dir" or die $!;
	}
	is(sweep(\%as, 'scan', $spool)->{status}, 0, 'readable again: exit 0');
	chmod 0, "$spool/SubSpool1/2.hdr" or die $!;
	my $scan = sweep(\%as, 'scan', '--json', $spool);
	is($scan->{status}, 3, 'an unreadable envelope: exit 3');
	my ($m) = grep { $_->{id} eq '2' } json_lines(sweep(\%as, 'list', '--json')->{out});
	is(damage($m), '.hdr cannot be read: permission denied', 'the message is listed as damaged');
	is($m->{pending}, undef, 'its recipients are not known');
	chmod 0, $spool or die $!;
	is(sweep(\%as, 'scan', $spool)->{status}, 1, 'a spool that cannot be read at all: exit 1');
	chmod 0755, $spool or die $!;
};

subtest 'a server at work while we read' => sub {
	my $spool = "$work/busy";
	my $n = 1000;
	make_path("$spool/SubSpool1", "$spool/proc");
	pair("$spool/SubSpool1/$_", hdr()) for 1 .. $n;
	my $index = "$work/busy.db";
	for my $way (['SubSpool1', 'proc'], ['proc', 'SubSpool1']) {
		my ($from, $to) = @$way;
		my $pid = fork;
		die $! unless defined $pid;
		if ($pid == 0) {
			for my $i (1 .. $n) {
				rename "$spool/$from/$i.eml", "$spool/$to/$i.eml" or POSIX::_exit(1);
				rename "$spool/$from/$i.hdr", "$spool/$to/$i.hdr" or POSIX::_exit(1);
			}
			POSIX::_exit(0);
		}
		my $scan = sweep({ index => $index }, 'scan', '--json', "smartermail:$spool");
		waitpid $pid, 0;
		is($?, 0, "$from to $to: all were moved");
		is($scan->{signal}, 0, "$from to $to: no signal");
		my $rest = sweep({ index => $index }, 'scan', '--json', "smartermail:$spool");
		is($rest->{status}, 0, "$from to $to: the next scan has no damage left");
		my ($total) = json_lines($rest->{out});
		is("$total->{messages} $total->{damaged} $total->{orphans}", "$n 0 0", "$from to $to: each once");
		is(scalar(grep { $_->{queue} eq $to } listing($index)), $n, "$from to $to: where it is now");
	}
};

subtest 'is it a spool' => sub {
	my $kind = sub {
		my ($name, $fill) = @_;
		make_path("$work/$name");
		$fill->("$work/$name");
		my $r = sweep({ index => "$work/$name.db" }, 'scan', '--json', "$work/$name");
		my ($total) = json_lines($r->{out});
		return $r->{status} == 64 ? 'none' : "$r->{status} $total->{kind}";
	};
	is($kind->('probe1', sub { pair("$_[0]/1", hdr()) }), '0 smartermail', 'a pair in the root');
	is($kind->('probe2', sub { pair("$_[0]/SubSpool3/1", hdr()) }), '0 smartermail', 'a pair in a SubSpool');
	is($kind->('probe3', sub { make_path("$_[0]/$_") for qw(SubSpool1 SubSpool2 proc Drop) }), '0 smartermail', 'an empty spool');
	is($kind->('probe4', sub { spew("$_[0]/$_.eml", $eml) for 1 .. 20 }), 'none', 'a folder of saved mail is none');
	is($kind->('probe5', sub { }), 'none', 'an empty folder is none');
	unlike($kind->('probe6', sub { make_path("$_[0]/$_") for qw(active deferred incoming hold maildrop) }), qr/smartermail/, 'Postfix is another');
	unlike($kind->('probe7', sub { make_path("$_[0]/$_") for qw(db input msglog) }), qr/smartermail/, 'Exim is another');
};

done_testing();
