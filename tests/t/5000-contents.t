# Bodies: what scan --contents reads, what it keeps, what the selectors and show make of it; the same of all three MTAs.
use strict;
use warnings;
use Test::More;
use Digest::SHA qw(sha256_hex);
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Sweep;

my $dir = work_dir();
my $index = "$dir/index.db";

sub sql {
	my ($text) = @_;
	open my $p, '-|', 'sqlite3', $index, $text or die "sqlite3: $!";
	local $/;
	my $out = <$p> // '';
	close $p or die "sqlite3 $text: $?";
	$out =~ s{\n\z}{};
	return $out;
}

# ---- a message with all of it
my $exe = "MZ" . ("\x90\x00\x03\x00" x 40) . "This program cannot be run in DOS mode.\r\n";
my $zip = "PK\x03\x04\x14\x00\x01\x00\x00\x00" . ("\0" x 4) . pack('V3v2', 0, 16, 4, 5, 0) . 'a.txt' . ('x' x 16) . "PK\x01\x02" . "\0" x 60;
my $hidden = 'a sentence that base64 hides';
my $html = "<html><body><p>$hidden</p><a href=\"http://good.example\@evil.example/x\">click</a>"
    . "<img src='//b&#x75;lk.example/p.png'></body></html>\n";
my $inner = "Subject: forwarded\nContent-Type: text/plain\n\nsee http://inner.example/\n";
my $phish = join '', "From: a\@example.com\nTo: b\@example.com\nSubject: one sentence\nMIME-Version: 1.0\n",
    "Content-Type: multipart/mixed;\n boundary=\"out er\"\n\npreamble\n--out er\n",
    "Content-Type: multipart/alternative; boundary=in\n\n--in\n",
    "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n",
    "Your parcel is w=\naiting: https://bit.ly/3xYz or hxxp://ev=\nil[.]example caf=E9\n--in\n",
    "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n", encode_base64($html), "--in--\n--out er\n",
    "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n",
    "Content-Disposition: attachment;\n filename*0*=utf-8''inv%6Fice;\n filename*1=.pdf;\n filename*2=.exe\n\n", encode_base64($exe), "--out er\n",
    "Content-Type: application/zip; name=\"=?utf-8?Q?secr=C3=A9t.zip?=\"\nContent-Transfer-Encoding: base64\n\n", encode_base64($zip), "--out er\n",
    "Content-Type: message/rfc822\n\n$inner--out er\n",
    "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n", encode_base64("\x78\x9f\x3e\x22\x01\x00"),
    "--out er--\nepilogue\n";
my ($head, $body) = $phish =~ /\A(.*?\n)\n(.*)\z/s;

# ---- into a spool of each kind
sub into_smartermail {
	my ($file) = @_;
	spew($file, $phish =~ s/\n/\r\n/gr);
}

sub into_exim {
	my ($file) = @_;
	(my $d = $file) =~ s/-H\z/-D/;
	my ($envelope) = slurp($file) =~ /\A(.*?\n)\n/s;
	my @fields = $head =~ /^(\S.*\n(?:[ \t].*\n)*)/mg;
	spew($file, "$envelope\n" . join '', map { sprintf("%03d  %s", length, $_) } @fields);
	my ($id) = slurp($d) =~ /\A(.*\n)/;
	spew($d, $id . $body);
}

sub record { return $_[0] . chr(length $_[1]) . $_[1] }

sub into_postfix {
	my ($file) = @_;
	my $old = slurp($file);
	my (@before, @after);
	my $seen = 0;
	for (my $at = 0; $at < length $old; ) {
		my $type = substr $old, $at, 1;
		my ($n, $shift, $i) = (0, 0, $at + 1);
		while (1) {
			my $b = ord substr $old, $i++, 1;
			$n |= ($b & 127) << $shift;
			$shift += 7;
			last if $b < 128;
		}
		my $one = substr $old, $at, $i + $n - $at;
		$at = $i + $n;
		$seen = 2 if $type eq 'X';
		push @before, $one if $seen == 0;
		push @after, $one if $seen == 2;
		$seen = 1 if $type eq 'M';
	}
	my $offset = length join '', @before;
	my @size = split ' ', substr $before[0], 2;
	@size[0, 1, 4] = (length($phish) + ($phish =~ tr/\n//), $offset, length $phish);	# a record has two bytes more, and no LF
	my $new = join ' ', map { sprintf '%15d', $_ } @size;
	$before[0] = record('C', $new) if length $new == length(substr $before[0], 2);
	spew($file, join '', @before, (map { record('N', $_) } split /\n/, $phish), @after);
	return;
}

my %made = (postfix => \&into_postfix, exim => \&into_exim, smartermail => \&into_smartermail);
my %id;
for my $kind (sort keys %made) {
	mkspool('--seed', 4, $kind, "$dir/$kind", 40);
	sweep_ok({ index => $index, status => [0, 3] }, 'scan', '-q', "$kind:$dir/$kind");
	# one that is whole, and of Postfix one without a milter's or an editor's records
	my ($row) = grep { !@{ $_->{damage} } && $_->{state} !~ /incomplete|corrupt/ && ($_->{account_kind} // '') eq 'auth' }
	    listing($index, '--spool', "$dir/$kind");
	$id{$kind} = $row->{id};
	my $path = sql("select cast(path as text) from message where qid = '$row->{id}'");
	$path =~ s/\.hdr\z/.eml/;
	my ($ino, $mode, $mtime) = (stat "$dir/$kind/$path")[1, 2, 9];
	$made{$kind}->("$dir/$kind/$path");
	chmod $mode & 07777, "$dir/$kind/$path" or die;
}
my @spools = map { "$_:$dir/$_" } sort keys %made;
scan_of($index, @spools);
my $all = listing($index);

sub show {
	my ($kind) = @_;
	my ($one) = json_lines(sweep_ok({ index => $index }, 'show', '--json', '--spool', "$dir/$kind", $id{$kind})->{out});
	return $one;
}

# ---- nothing is read unless asked
is(show('exim')->{parts}, undef, 'a plain scan reads no body: parts null');
is(show('exim')->{urls}, undef, 'and urls null');
for my $args ([ 'list', '--url', '*' ], [ 'list', '--attachment', '*' ], [ 'rank', '--by', 'url' ], [ 'purge', '--url', '*' ]) {
	my $r = sweep({ index => $index }, @$args);
	like($r->{err}, qr/those of $all of $all messages were not/, "@$args says that contents are missing");
}
like(sweep({ index => $index }, 'report', '--text')->{err}, qr/the report knows only contents that were read: those of $all of $all/, 'the report, too');

# ---- by selectors, then all
my ($s) = scan_of($index, '--contents', '--sender', 'nobody@nowhere.invalid', $spools[0]);
is($s->{contents}, 0, 'selectors that name none: none is read');
($s) = scan_of($index, '--contents', '--id', $id{exim}, $spools[0]);
is($s->{contents}, 1, 'one by its id');
is(sql('select count(*) from message where contents <> 0'), 1, 'and no other');
my @s = scan_of($index, '--contents', @spools);
is(join(' ', map { $_->{contents} } @s), join(' ', map { sql("select count(*) from v_message where spool like '%/$_' and contents <> 'not' and gone_scan is null") -
    ($_ eq 'exim') } sort keys %made), 'then all others');
is(sql("select count(*) from v_message where contents = 'not' and gone_scan is null and damage = '[]'"), 0, 'no whole message is left out');
is(join(' ', map { $_->{contents} } scan_of($index, '--contents', @spools)), '0 0 0', 'what was read is not read again');
is((scan_of($index, @spools))[0]{contents}, undef, 'a plain scan: null');

# ---- what show says
my @want = (
	[ 0, 'multipart/mixed', undef, undef, undef, undef, undef, undef ],
	[ 1, 'multipart/alternative', undef, undef, undef, undef, undef, undef ],
	[ 2, 'text/plain', undef, 'iso-8859-1', 'quoted-printable', 73, undef,
	    sha256_hex("Your parcel is waiting: https://bit.ly/3xYz or hxxp://evil[.]example caf\xE9") ],
	[ 2, 'text/html', undef, 'utf-8', 'base64', length $html, undef, sha256_hex($html) ],
	[ 1, 'application/pdf', 'invoice.pdf.exe', undef, 'base64', length $exe, 'application/x-dosexec', sha256_hex($exe) ],
	[ 1, 'application/zip', "secr\x{e9}t.zip", undef, 'base64', length $zip, 'application/zip', sha256_hex($zip) ],
	[ 1, 'message/rfc822', undef, undef, undef, undef, undef, undef ],
	[ 2, 'text/plain', undef, undef, undef, 26, undef, undef ],
	[ 1, 'application/ms-tnef', 'winmail.dat', undef, 'base64', 6, undef, undef ],
);
for my $kind (sort keys %made) {
	my $m = show($kind);
	my @got = map { my $p = $_; [ map { $p->{$_} } qw(depth type name charset encoding size detected sha256) ] } @{ $m->{parts} };
	is(scalar @got, scalar @want, "$kind: every entity");
	my @line;
	for my $i (0 .. $#want) {
		my @w = @{ $want[$i] };
		my @g = @{ $got[$i] || [] };
		# line ends are the MTA's own (SmarterMail keeps CRLF), the inner text's hash is then another
		@w[5, 7] = @g[5, 7] if $i == 7 || ($i == 2 && $kind eq 'smartermail');
		@w[6, 7] = @g[6, 7] if $i == 8;
		is_deeply(\@g, \@w, "$kind: part $i, $w[1]");
	}
	is_deeply($m->{urls}, [qw(bit.ly bulk.example evil.example inner.example)], "$kind: the hosts, of text and HTML, the inner message's too");
	my $notes = join "\n", @{ $m->{notes} };
	like($notes, qr/^attachment invoice\.pdf\.exe: named as a PDF, runs as a program$/m, "$kind: a program's name that looks like a PDF");
	like($notes, qr/^attachment secr\x{e9}t\.zip: an encrypted archive$/m, "$kind: an encrypted archive");
	like($notes, qr/^attachment winmail\.dat: TNEF/m, "$kind: TNEF");
	is_deeply($m->{damage}, [], "$kind: none of it is damage");
	my $text = sweep_ok({ index => $index }, 'show', '--spool', "$dir/$kind", $id{$kind})->{out};
	like($text, qr/^    application\/pdf  invoice\.pdf\.exe  .*  is application\/x-dosexec$/m, "$kind: the tree for people");
	like($text, qr/^  bit\.ly  \(a shortener/m, "$kind: and the shortener is said");
}
my ($csv) = sweep_ok({ index => $index }, 'show', '--csv', '--spool', "$dir/exim", $id{exim})->{out};
like($csv, qr/,parts,urls,campaign\r?\n/, 'CSV has the columns');

# ---- selectors
my $mine = join ' ', sort values %id;
my %select = (
	'--url evil.example' => $mine, '--url EVIL.example' => $mine, '--url *.ly' => $mine, '--url re:inner\.ex' => $mine,
	'--url evil' => '', '--url evil.example --url none.example' => $mine, '--url none.example' => '',
	'--attachment *.exe' => $mine, '--attachment INVOICE.pdf.exe' => $mine, '--attachment application/x-dosexec' => $mine,
	'--attachment application/ms-tnef' => $mine, '--attachment message/rfc822' => $mine, '--attachment text/html' => '',
	'--attachment multipart/*' => '', '--url bit.ly --attachment *.exe' => $mine, '--url bit.ly --attachment *.doc' => '',
	"--contains base64^hides" => $mine, "--contains caf\xC3\xA9" => $mine, '--contains parcel^is^waiting:' => undef,
);
for my $key (sort keys %select) {
	my @got = sort map { $_->{id} } listing($index, map { tr/^/ /r } split / /, $key);
	if (defined $select{$key}) { is("@got", $select{$key}, $key) }
	else { is(scalar(grep { my $i = $_; grep { $_ eq $i } values %id } @got), 3, $key) }
}
is(sweep_ok({ index => $index }, 'list', '-c', '--url', 'bit.ly')->{err}, '', 'nothing is missing: nothing is said') if sql('select count(*) from message where contents = 0 and gone_scan is null') == 0;
my ($row) = grep { ($_->{key} // '') eq 'evil.example' } json_lines(sweep_ok({ index => $index, status => [0, 3] }, 'rank', '--by', 'url', '--json')->{out});
is($row->{messages}, 3, 'rank --by url');
is(sql("select group_concat(host || ' ' || is_shortener) from (select distinct host, is_shortener from v_url where host = 'bit.ly')"), 'bit.ly 1', 'v_url');

# ---- what is kept, and what is not
my $file = "$dir/exim/" . sql("select cast(path as text) from message where qid = '$id{exim}'");
utime 2000000000, 2000000000, $file or die;
my ($t) = scan_of($index, $spools[0]);
is("$t->{changed} " . scalar @{ show('exim')->{parts} }, '1 9', 'a message that its MTA touched keeps its contents');
(my $data = $file) =~ s/-H\z/-D/;
rename $data, "$data.old" or die;
spew($data, slurp("$data.old") . "more\n");
unlink "$data.old" or die;
chmod 0640, $data;
utime 2000000001, 2000000001, $file or die;
scan_of($index, $spools[0]);
is(show('exim')->{parts}, undef, 'one with another body does not');
is(sql("select count(*) from v_part p join v_message m on m.row = p.row where m.id = '$id{exim}' and m.gone_scan is null"), 0, 'and has no old rows');

# ---- limits
my $r = sweep_ok({ index => $index, status => [0, 3] }, 'scan', '--json', '--contents', '--max-body', 300, $spools[0]);
is((json_lines($r->{out}))[0]{contents}, 1, '--max-body: read');
like($r->{err}, qr/1 bodies not wholly read \(--max-body 300/, 'and said');
my $m = show('exim');
ok((grep { $_ eq 'body read up to 300 bytes, the rest not read' } @{ $m->{notes} }), 'a note of the message');
is_deeply($m->{damage}, [], 'and no damage');
is(sql("select contents from v_message where id = '$id{exim}' and gone_scan is null"), 'partly', 'v_message says so');
is((scan_of($index, '--contents', '--max-body', 300, $spools[0]))[0]{contents}, 0, 'the same limit: not read again');
is((scan_of($index, '--contents', $spools[0]))[0]{contents}, 1, 'a higher one: read again');
is(scalar @{ show('exim')->{parts} }, 9, 'to its end');
is(sweep({ index => $index }, 'scan', '--max-body', 300, $spools[0])->{status}, 64, '--max-body without --contents');
is(sweep({ index => $index }, 'scan', '--contents', '--max-body', 'x', $spools[0])->{status}, 64, 'a bad size');

# ---- an index of the version before
sql("drop view v_part; drop view v_url; drop view v_campaign; drop table print; drop view v_message; drop table body_reply; drop table part; drop table url; drop table host; drop table judged;"
    . join('', map { "alter table message drop column $_;" } qw(contents body_limit body_notes body_flags print))
    . "create view v_message as select 1; pragma user_version = 2");
like(sweep({ index => $index }, 'list')->{err}, qr/version 2/, 'an older index is not read');
($t) = scan_of($index, $spools[0]);
is("$t->{new} $t->{changed}", '0 0', 'it is upgraded by a scan, and knows its messages');
is(show('exim')->{parts}, undef, 'their contents are to be read');
is((scan_of($index, '--contents', $spools[0]))[0]{contents} > 0, 1, 'and can be');
is(scalar @{ show('exim')->{parts} }, 9, 'as before');

done_testing();
