# report: numbers are those of rank and list; what was purged is still told; nothing unread looks clean; files, redaction, other tools' formats.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Hostile;
use JSON::PP;
use Sweep;
use Test::More;
use Time::HiRes qw(time);

my $dir = work_dir();
my $now = int time;

sub report { my ($index, @args) = @_; return sweep({ index => $index }, 'report', '-q', @args) }

sub sections {
	my ($index, @args) = @_;
	my %s;
	push @{ $s{ $_->{section} } }, $_ for json_lines(report($index, '--json', @args)->{out});
	return \%s;
}

# ---- the same numbers as rank and list, on each kind
for my $kind (qw(postfix exim smartermail)) {
	my $index = "$dir/$kind.db";
	mkspool('--seed', 3, '--damage', '--now', $now, $kind, "$dir/$kind", is_windows() ? 300 : 700);
	sweep_ok({ index => $index, status => [ 0, 3 ] }, 'scan', '-q', $kind eq 'exim' ? () : '--contents', "$kind:$dir/$kind");
	# --since, not --younger: between two commands nothing becomes too old
	for my $selectors ([], [ '--account', '*@atlas-tours.example' ], [ '--since', '@' . ($now - 6 * 3600) ]) {
		my $s = sections($index, @$selectors);
		my ($count) = sweep_ok({ index => $index }, 'list', '-c', @$selectors)->{out} =~ /(\d+)/;
		is($s->{summary}[0]{messages}, $count, "$kind @$selectors: as many messages as list");
		for my $by (qw(account domain sender sender-domain client recipient-domain subject script url campaign)) {
			(my $section = $by) =~ tr/-/_/;
			my @rank = json_lines(sweep_ok({ index => $index }, 'rank', '--json', '--by', $by, @$selectors)->{out});
			my @rows = map { my %r = %$_; delete @r{qw(section points queued removed left)}; \%r } @{ $s->{$section} || [] };
			is_deeply(\@rows, \@rank, "$kind @$selectors: the $section rows of rank");
		}
		is((scalar grep { $_->{queued} != $_->{messages} || $_->{removed} } @{ $s->{account} }), 0, "$kind @$selectors: nothing was removed yet");
		is((scalar grep { @{ $_->{points} } != @{ $_->{reasons} } } @{ $s->{account} }), 0, "$kind @$selectors: a number for each reason");
		my ($in_time, $timed) = (0, scalar grep { defined $_->{arrived} } listing($index, @$selectors));
		$in_time += $_->{messages} for @{ $s->{timeline} };
		my ($outside) = map { /(\d[\d,]*) older and (\d[\d,]*) newer/ ? $1 + $2 : () } @{ $s->{summary}[0]{notes} };
		is($in_time + ($outside // 0), $timed, "$kind @$selectors: every arrival is in the timeline or said to be outside");
	}
	my $s = sections($index);
	is($s->{summary}[0]{verdict}, 'likely', "$kind: the verdict");
	like($s->{summary}[0]{text}, qr/^info\@atlas-tours\.example \(auth\) is likely compromised/, "$kind: in one sentence");
	is($s->{summary}[0]{damaged}, scalar(grep { @{ $_->{damage} } } listing($index)), "$kind: damaged ones");
	ok((scalar grep { /damaged or incomplete/ } @{ $s->{summary}[0]{warnings} }), "$kind: which are spoken of");
	my @unread = listing($index, '--where', "contents = 'not'");
	my ($said) = map { /bodies of ([\d,]+) of/ ? $1 =~ tr/,//dr : () } @{ $s->{summary}[0]{notes} };
	is($said // 0, scalar @unread, "$kind: and whose bodies were not read");
	my $replied = 0;
	$replied += $_->{messages} for @{ $s->{reply} || [] };
	is($replied, scalar(grep { defined $_->{reason} } listing($index)), "$kind: each reply is in one group");
	my @evidence = json_lines(sweep_ok({ index => $index }, 'evidence', '--json')->{out});
	is_deeply([ map { [ @$_{qw(category about_us list messages url)} ] } @{ $s->{evidence} || [] } ],
	    [ map { [ @$_{qw(category about_us list messages url)} ] } @evidence ], "$kind: the rows of evidence");
	my ($hold) = grep { / hold / } map { @{ $_->{commands} } } @{ $s->{step} };
	is($hold, "spoolsweep --index $index hold --account info\@atlas-tours.example --execute", "$kind: the command to stop it") if !is_windows();
}

# ---- the text: nothing bare, nothing endless
{
	my $text = report("$dir/postfix.db", '--text')->{out};
	like($text, qr/^What: campaigns, messages that say the same$/m, 'campaigns, as on the page');
	unlike($text, qr/^  \d{4}-\d\d-\d\d \d\d:\d\d +[1-9]\d* *$/m, 'who sent anything has a mark in the chart');
	unlike($text, qr/(?:^  [-0-9]{10} [0-9:]{5} +0 *\n){3}/m, 'a long pause is one line');
	$text = report("$dir/postfix.db", '--text', '--account', 'nobody@nowhere.example')->{out};
	is(() = $text =~ /^(?:Who|What: subjects|Where from: clients|Where to: recipient domains|What the world answers)\n  none$/mg, 5, 'an empty table says so');
	unlike($text, qr/^Where from: scripts|links lead to/m, 'what there is none of has no table');
}

# ---- after the purge
SKIP: {
	my $index = "$dir/exim.db";
	my $before = sections($index);
	my ($mine) = grep { ($_->{key} // '') eq 'info@atlas-tours.example' } @{ $before->{account} };
	sweep_ok({ index => $index, status => [ 0, 3 ] }, qw(purge --execute --yes --account info@atlas-tours.example --kind auth --archive), "$dir/archives", '--live');
	my ($left) = sweep_ok({ index => $index }, qw(list -c --account info@atlas-tours.example --kind auth))->{out} =~ /(\d+)/;
	my $after = sections($index);
	my ($row) = grep { ($_->{key} // '') eq 'info@atlas-tours.example' } @{ $after->{account} };
	is($row->{messages}, $mine->{messages}, 'a purge takes nothing out of the report');
	is($row->{queued}, $left, 'what is queued now');
	is($row->{removed}, $mine->{messages} - $left, 'what was removed');
	is($row->{verdict}, 'likely', 'and the verdict stands');
	cmp_ok($left, '>', 0, 'damaged ones stay');
	my @todo = map { @{ $_->{commands} } } @{ $after->{step} };
	is((scalar grep { / hold / } @todo), 0, 'no command that would find nothing to hold');
	ok((scalar grep { / purge --account info\@atlas-tours\.example --damaged$/ } @todo), 'but the one for what is damaged');
	is($after->{summary}[0]{messages} + $after->{summary}[0]{removed}, $before->{summary}[0]{messages}, 'all of them in the summary');
	my %rank = map { ($_->{kind} // '') . ' ' . ($_->{key} // '') => $_->{messages} } json_lines(sweep_ok({ index => $index }, qw(rank --json))->{out});
	is((scalar grep { $_->{queued} != ($rank{ ($_->{kind} // '') . ' ' . ($_->{key} // '') } // 0) } @{ $after->{account} }), 0,
	    'queued ones are those of rank now');
	my ($plan, $archive) = ($after->{plan}[0], $after->{archive}[0]);
	is($plan->{deleted}, $row->{removed}, 'the plan');
	is($plan->{here}, $row->{removed}, 'all of whose messages are here');
	my ($told) = grep { $_->{plan} == $plan->{plan} } json_lines(sweep_ok({ index => $index }, qw(plans --json))->{out});
	is_deeply([@$plan{qw(before arrived after kept vanished)}], [$before->{summary}[0]{messages}, 0, $after->{summary}[0]{messages}, 0, 0], 'its proof');
	is_deeply([@$told{qw(before arrived after kept vanished proven)}], [@$plan{qw(before arrived after kept vanished proven)}], 'which plans has, too');
	my $proof = "before $plan->{before} + arrived 0 = after $plan->{after} + deleted $plan->{deleted} + vanished 0, by id";
	ok($plan->{proven}, 'it holds');
	like(sweep_ok({ index => $index }, qw(plans -v))->{out}, qr/^ +\Q$proof\E$/m, 'for people');
	like(report($index, $_->[0], $_->[1] // ())->{out}, $_->[2], "@$_[0]: and in the report")
	    for ['--text', undef, qr/^    proof   \Q$proof\E$/m], ['--html', '-', qr/<dt>Proof<\/dt><dd><bdi>\Q$proof\E</];
	my ($file) = glob "$dir/archives/*.tar.zst";
	is($archive->{archive}, $file, 'its archive');
	my ($sha) = `sha256sum '$file'` =~ /^(\w+)/;
	is($archive->{sha256}, $sha, 'with its SHA-256');
	is(scalar(@{ sections($index, '--account', 'news@garden-shop.example')->{plan} || [] }), 0, 'a report on another account has no part in the plan');
	is(sections($index, qw(--account info@atlas-tours.example))->{summary}[0]{removed}, $row->{removed}, 'selectors find removed ones too');
	my $none = sections($index, qw(--account info@atlas-tours.example --contains no-such-text-anywhere));
	is($none->{summary}[0]{messages} + $none->{summary}[0]{removed}, 0, '--contains speaks of files that are there');

	# messages that left without us
	my ($gone) = grep { $_->{state} ne 'gone' && !@{ $_->{damage} } } listing($index, '--account', 'news@garden-shop.example');
	unlink glob "$dir/exim/input/$gone->{id}-?";
	scan_of($index, "exim:$dir/exim");
	my $then = sections($index);
	is($then->{summary}[0]{left}, 1, 'one left otherwise');
	is((grep { ($_->{key} // '') eq 'news@garden-shop.example' } @{ $then->{account} })[0]{left}, 1, 'counted by its account');
	my $html = report($index, '--html', '-')->{out};
	like($html, qr/\Q$sha\E/, 'the page has the SHA-256');
	like($html, qr/purge, done/, 'and the plan');
	like($html, qr/were removed by spoolsweep/, 'and says so first');
}

# ---- what was not read is never clean
{
	my $index = "$dir/part.db";
	mkspool('--now', $now, 'postfix', "$dir/part", 20);
	SKIP: {
		scan_of($index, "$dir/part") if is_windows();
		skip 'Wine follows links', 22 if is_windows();
		rename "$dir/part/deferred", "$dir/part-deferred" or die $!;
		symlink "$dir/part-deferred", "$dir/part/deferred" or die $!;
		sweep_ok({ index => $index, status => [3] }, 'scan', "$dir/part");
		my $r = report($index, '--text', '--account', 'nobody@nowhere.example');
		is($r->{status}, 3, 'exit 3');
		like($r->{out}, qr/this is no clean bill/, 'the verdict says so');
		like($r->{out}, qr/WARNING: .*not wholly read; UNKNOWN: deferred/, 'and what');
		like($r->{out}, qr/Read the rest/, 'the next step is to read it');
		unlike($r->{out}, qr/Nothing has to be done/, 'not to lean back');
		my $s = sections($index, '--account', 'nobody@nowhere.example');
		is($s->{summary}[0]{verdict}, 'unknown', 'for programs too');
		ok(!$s->{summary}[0]{complete}, 'not complete');
		like(report($index, '--html', '-', '--account', 'nobody@nowhere.example')->{out}, qr/class="verdict unknown"/, 'and on the page');
		like(report($index, '--html', '-')->{out}, qr/<b>not wholly<\/b>/, 'by spool');

		# no figure looks like the whole
		like(report($index, '--text')->{out}, qr/^queued now unknown, removed by spoolsweep 0, left otherwise at least 0, /m, 'where nothing was read, nothing is known');
		$index = "$dir/half.db";
		mkspool('--now', $now, 'postfix', "$dir/half", 60);
		my ($one) = grep { glob "$_/*" } glob "$dir/half/deferred/?";
		rename $one, "$dir/half-one" or die $!;
		symlink "$dir/half-one", $one or die $!;
		sweep_ok({ index => $index, status => [3] }, 'scan', "$dir/half");
		my ($there) = sweep({ index => $index }, 'list', '-c')->{out} =~ /(\d+)/;
		my $text = report($index, '--text')->{out};
		cmp_ok($there, '>', 0, 'something was read');
		like($text, qr/^queued now at least $there, removed by spoolsweep 0, left otherwise at least 0, accounts at least \d+, damaged at least \d+$/m,
		    'the figures are lower bounds');
		is_deeply([$text =~ /^((?:When \(UTC\)|Who|What:|Where |What the|What is).*)(?<!minimum\))$/mg], [], 'each table says so');
		like($text, qr/: at least $there queued, 0 removed, scanned .*, not wholly read$/m, 'and the line of the spool');
		like(report($index, '--text', '--account', 'nobody@nowhere.example')->{out}, qr/^queued now unknown, /m, 'nothing found is not 0');
		is(sections($index, '--account', 'nobody@nowhere.example')->{summary}[0]{messages}, undef, 'for programs too');
		my $html = report($index, '--html', '-')->{out};
		like($html, qr/<b>$there<\/b><span>queued now, at least</, 'the page');
		is_deeply([grep { $html !~ m{<section id="$_">(?:(?!</section>).)*Of what could be read: numbers are a minimum}s } qw(when who what from to replies)], [],
		    'in each of its sections');
		$s = sections($index);
		is_deeply([map { $_->{section} } grep { exists $_->{complete} && $_->{complete} } map { @$_ } values %$s], [], 'no row is complete');
		is_deeply([grep { !exists $s->{$_}[0]{complete} } qw(summary spool account client timeline reply)], [], 'each says whether it is');
		is_deeply([grep { $_->{complete} } json_lines(sweep({ index => $index }, 'rank', '--json')->{out})], [], 'nor is one of rank');
		report($index, '--csv', "$dir/part.csv");
		like(slurp("$dir/part.csv/accounts.csv"), qr/,complete,.*\n(?:.*,false,.*\n)+\z/, 'nor one of CSV');
		ok(!(grep { !$_->{complete} } @{ sections("$dir/postfix.db")->{account} }), 'where all was read they are');
	}
	mkspool('--now', $now + 3 * 86400, 'exim', "$dir/ahead", 8);
	scan_of("$dir/ahead.db", "exim:$dir/ahead");
	ok((grep { /^The newest message is dated .* after this report was made/ } @{ sections("$dir/ahead.db")->{summary}[0]{warnings} }), 'a clock that is wrong is said');
	ok(!(grep { /The newest message is dated/ } @{ sections("$dir/exim.db")->{summary}[0]{warnings} }), 'and one that is right is not');
	my $r = report($index, '--json', '--spool', '/nowhere');
	is($r->{status}, 3, 'a spool that was never scanned');
	my ($sum) = json_lines($r->{out});
	is($sum->{messages}, undef, 'has not 0 messages');
	is($sum->{verdict}, 'unknown', 'and no verdict');
	is(report("$dir/no.db")->{status}, 1, 'no index is exit 1');
}

# ---- hostile texts
my $hostile = "$dir/hostile.db";
my $n = hostile_spool("$dir/hostile", $now);
scan_of($hostile, "exim:$dir/hostile");
{
	my $html = report($hostile, '--html', '-', '-n', 0)->{out};
	my ($head) = $html =~ /^(.*?<body>)/s;
	my @tags = $html =~ /<(\/?[A-Za-z!][^\s>\/]*)/g;
	my %known = map { $_ => 1 } qw(!DOCTYPE html head meta title style body header h1 h2 h3 p bdi span div ul ol li b section figure figcaption svg line
	    text rect g details summary table caption thead tbody tr th td nav a dl dt dd pre);
	is(join(' ', sort keys %{ { map { $_ => 1 } grep { !$known{ s/^\///r } } @tags } }), '', 'no element that is not ours');
	my %attribute = map { $_ => 1 } qw(lang charset http-equiv content name class id href viewBox role aria-label aria-hidden preserveAspectRatio x y x1 x2 y1
	    y2 width height);
	is(scalar(() = $html =~ /<[a-z]/gi), scalar(() = $html =~ /<[a-z][a-z0-9]*(?:\s+(?:@{[ join '|', keys %attribute ]})="[^"<>]*")*\s*\/?>/gi),
	    'every tag is whole, with no attribute that is not ours');
	unlike($html, qr/href="(?!#)/, 'no link leads away');
	is(scalar(() = $head =~ /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-/g), 1, 'a strict policy');
	is(scalar(() = $html =~ /<style>/g), 1, 'one style sheet');
	unlike($html, qr/\xE2\x80[\xAA-\xAE]|\xE2\x81[\xA6-\xA9]|[\x00-\x08\x0b-\x1f\x7f]|\xC2[\x80-\x9f]/, 'no control character, no override');
	ok(utf8::decode(my $copy = $html), 'all of it UTF-8');
	unlike($html, qr/W{1001}/, 'long subjects are cut');
	like($html, qr/&lt;script&gt;document\.title=&quot;owned&quot;/, 'and shown as what they are');
	like($html, qr/&amp;lt;script&amp;gt;/, 'entities too');
	my $s = sections($hostile);
	is($s->{summary}[0]{messages}, $n, 'all messages are counted');
	is(report($hostile, '--text')->{out} =~ /[\x00-\x08\x0b-\x1f\x7f]/ ? 1 : 0, 0, 'the text has no control character');
	my ($first) = grep { ($_->{key} // '') =~ /^<b>/ } @{ $s->{account} };
	is($first->{verdict}, 'likely', 'the burst is seen');
}

# ---- commands are safe to copy
{
	my $index = "$dir/star.db";
	mkspool('--now', $now, 'exim', "$dir/star", 40);
	my $i = 0;
	my @names = ('*', "x'; touch /tmp/owned; '", 'y" & touch owned & $(touch owned) %PATH% `', 'y? & touch owned & ?(touch owned) ?PATH? ?');
	for my $account (@names) {
		for (1 .. 60) {
			my $id = sprintf '1qDO9M-%06d-3p', ++$i;
			spew("$dir/star/input/$id-D", "$id-D\ntext\n", 0640);
			spew("$dir/star/input/$id-H", "$id-H\nwww-data 33 33\n<u$i\@f$i.example>\n" . ($now - 60) . " 0\n-received_protocol esmtpa\n-host_auth plain\n" .
			    "-auth_id $account\n-host_address [192.0.2.$i]:1\nXX\n1\na\@b.example\n\n011  Subject: x\n", 0640);
		}
	}
	scan_of($index, "exim:$dir/star");
	for my $name (@names) {
		my $sql = $name =~ s/'/''/gr;
		my @steps = map { @{ $_->{commands} } } @{ sections($index, '--where', "account = '$sql'")->{step} };
		my ($hold) = grep { / hold / } @steps;
		my $line = substr $hold, length 'spoolsweep --index ';
		# On Windows a word has " at both ends and none within, and nothing that cmd or PowerShell look for there.
		my @words = is_windows() ? map { s/"//gr } $line =~ /("[^"%\$`]*"|[^\s"%\$`&;|<>^()',]+)(?:\s|\z)/g : split /\0/, `printf '%s\\0' $line`;
		is(join(' ', @words), $line =~ s/"//gr, 'all of it is words') if is_windows();
		my @selectors = grep { $_ ne '--execute' } @words[2 .. $#words];
		is(sweep({ index => $index }, 'list', '-c', @selectors)->{out}, "60\n", "the command for $name selects its messages alone: @selectors");
	}
}

# ---- files
SKIP: {
	my $index = "$dir/postfix.db";
	my $r = report($index, '--html', "$dir/r.html", '--timeline', "$dir/t.jsonl", '--bodyfile', "$dir/body", '--csv', "$dir/csv/new");
	is($r->{status}, 0, 'several forms at once');
	is($r->{out}, '', 'and nothing on stdout');
	is(join(' ', map { sprintf '%o', (stat $_)[2] & 07777 } "$dir/r.html", "$dir/t.jsonl", "$dir/body", "$dir/csv/new/accounts.csv"), '600 600 600 600',
	    'readable by their owner alone') if !is_windows();
	is(scalar(my @rest = grep { !/\.(?:html|jsonl|db|db-shm|db-wal|db\.scan|csv)$|body$|archives$|journal|truth/ && -f } glob "$dir/*.??????"), 0, 'no temporary file is left');
	my @list = listing($index);
	my @events = json_lines(slurp("$dir/t.jsonl"));
	is(scalar(grep { $_->{timestamp_desc} eq 'Message Arrived' } @events), scalar(grep { defined $_->{arrived} } @list), 'an event for each arrival');
	is((scalar grep { !length($_->{message} // '') || ($_->{datetime} // '') !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/ } @events), 0,
	    'message and datetime of each');
	my %id = map { ("$_->{queue}/$_->{id}" => $_) } @list;
	is((scalar grep { my $l = $id{"$_->{queue}/$_->{id}"}; !$l || ($l->{subject} // '') ne ($_->{subject} // '') } @events), 0, 'as list has them');
	my @body = split /\n/, slurp("$dir/body");
	is(scalar @body, scalar @list, 'a line for each file');
	is((scalar grep { (() = /\|/g) != 10 } @body), 0, '11 fields');
	my ($md5, $name, $inode, $mode, $uid, $gid, $size, $atime, $mtime) = split /\|/, $body[0];
	SKIP: {
		skip 'Wine shows other numbers', 2 if is_windows();
		is(join(' ', $inode, $uid, $gid, $size, $mtime), join(' ', (stat $name)[1, 4, 5, 7, 9]), 'numbers of the file itself');
		like($mode, qr{^r/r[rwx-]{9}$}, 'mode as The Sleuth Kit writes it');
	}
	my ($header, @accounts) = split /\n/, slurp("$dir/csv/new/accounts.csv");
	like($header, qr/^section,rank,by,key,kind,messages,/, 'CSV with the keys of JSON');
	is(scalar @accounts, scalar @{ sections($index)->{account} }, 'a line a row');
	my $again = sub { my $h = report($index, '--html', '-')->{out}; $h =~ s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC//; $h };
	is($again->(), $again->(), 'the same page again');
	$r = report($index, '--html', "$dir/no/such/folder/r.html");
	is($r->{status}, 1, 'a folder that is not there is exit 1');
	like($r->{err}, qr/no.such.folder/, 'and named');
}
if (!is_windows()) {
	my $index = "$dir/postfix.db";
	system('mkfifo', "$dir/pipe") == 0 or die;
	symlink "$dir/elsewhere", "$dir/link" or die;
	mkdir "$dir/folder" or die;
	for my $name (qw(pipe link folder)) {	# root would replace /dev/null, too
		my $r = report($index, '--html', "$dir/$name");
		is($r->{status}, 1, "a $name is no file to write to");
		like($r->{err}, qr/\Q$name\E is no regular file/, 'is said');
	}
	ok(-p "$dir/pipe" && -l "$dir/link" && -d "$dir/folder", 'and they are left as they are');
	is_deeply([glob "$dir/{pipe,link,folder}.*"], [], 'with nothing beside them');
}
if (-c '/dev/full' && !is_windows()) {
	my $err = `@{[ $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep' ]} --index '$dir/postfix.db' report --html - 2>&1 >/dev/full`;
	is($? >> 8, 1, 'a full disk behind stdout is exit 1');
}

# ---- for third parties
{
	my $index = "$dir/exim.db";
	my %names;
	for my $m (listing($index)) {
		for (grep { defined && /^[^@]+@/ } $m->{account}, $m->{sender}, $m->{from}) {
			$names{ lc $1 }++ while /([\w.+'-]+\@[\w.-]+)/g;
		}
	}
	for my $form ([ '--html', '-' ], ['--text'], ['--json'], [ '--timeline', '-' ]) {
		my $out = lc report($index, @$form, '--redact', '-n', 0)->{out};
		is(join(' ', grep { index($out, $_) >= 0 } sort keys %names), '', "@$form --redact: no whole address");
		like($out, qr/i\*\*\*-[0-9a-f]{6}\@atlas-tours\.example/, "@$form --redact: but a name for it");
		unlike($out, qr/(?<![\w.])192\.168\.10\.57/, "@$form --redact: no client address");
		unlike($out, qr{/uploads/}, "@$form --redact: no path");
	}
	my $s = sections($index, '--redact');
	is((scalar grep { @{ $_->{commands} } } @{ $s->{step} }), 0, 'no commands');
	is($s->{plan}[0]{selection}, '(left out)', 'no selection');
	my ($a) = grep { ($_->{key} // '') =~ /^i\*/ } @{ $s->{account} };
	is((sections($index, '--redact', '--younger', '9000d')->{account}[0]{key} =~ /^i/ ? $a->{key} : $a->{key}), $a->{key}, 'one name in all reports');
}
done_testing();
