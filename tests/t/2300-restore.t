# restore and verify: what was purged comes back from the archive alone, unchanged where nothing has to change, and never over anything.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname basename);
use File::Find;
use lib dirname(__FILE__);
use Sweep;
use Test::More;
use Time::HiRes ();

my $dir = work_dir();
my $nowhere = "$dir/no-index/index.db";
my $now = time;
my $is_root = $> == 0 && !is_windows();

# Every file and folder below a root: path => [type, mode, uid, gid, mtime, sha256]. Windows has no modes, and new files have the rights of their folder.
sub tree {
	my ($root) = @_;
	my %t;
	find({ no_chdir => 1, wanted => sub {
		my @st = lstat $_ or return;
		my $path = substr $_, length $root;
		return if $path eq '';
		my @rights = is_windows() ? (0, 0, 0) : ($st[2] & 07777, @st[4, 5]);
		$t{$path} = -d _ ? [ 'd', @rights ] : [ 'f', @rights, $st[9], sha256_hex(slurp($_)) ];
	} }, $root);
	return \%t;
}

sub files { my ($t) = @_; return { map { $_ => $t->{$_} } grep { $t->{$_}[0] eq 'f' } keys %$t } }

# Takes everything (or what the selectors say) out of spools; returns the archive.
my $nindex = 0;
sub purge {
	my ($spools, @selectors) = @_;
	my $index = "$dir/index-" . ++$nindex . '/index.db';
	scan_of($index, @$spools);
	my @list = listing($index, @selectors ? @selectors : '--all');
	my $r = sweep_ok({ index => $index, status => [0, 3] }, 'purge', @selectors ? @selectors : '--all', '--execute', '--yes', '--json',
	    '--archive', "$dir/archives-$nindex");
	my @rows = json_lines($r->{out});
	return { path => $rows[-1]{archive}, sha256 => $rows[-1]{sha256}, index => $index, list => \@list, deleted => $rows[-1]{deleted} };
}

sub restore {
	my ($archive, @args) = @_;
	my $opt = ref $args[0] eq 'HASH' ? shift @args : {};
	my $r = sweep({ index => $nowhere, %$opt }, 'restore', '--json', $archive, @args);
	my @rows = json_lines($r->{out});
	return { %$r, sums => pop @rows, rows => \@rows, by_id => { map { $_->{id} => $_ } @rows } };
}

sub states { my ($r) = @_; my %n; $n{ $_->{state} }++ for @{ $r->{rows} }; return \%n }

sub no_private { my ($spool) = @_; return !grep { m{\.spoolsweep} } keys %{ tree(dirname($spool)) } }

# ---- Postfix: hold, new ids, logs beside, all bytes and times
for my $case ([ 'short', 1 ], [ 'long', 2, '--long-ids' ], [ 'flat', 0 ]) {
	my ($name, $depth, @opt) = @$case;
	my $pf = "$dir/pf-$name";
	mkspool('--now', $now, '--depth', $depth, @opt, 'postfix', $pf, 120);
	if ($is_root) {		# the queues have an owner of their own; mail_owner's files
		chown 4321, 4322, $_ or die "$_: $!" for map { "$pf$_" } grep { !m{^/maildrop} } keys %{ tree($pf) };
	}
	my $before = tree($pf);
	my $arc = purge([ $pf ]);
	my %was = map { $_->{id} => $_ } @{ $arc->{list} };
	is($arc->{deleted}, 120, "$name: all are gone");
	my $empty = tree($pf);
	is(scalar keys %{ files($empty) }, 0, '  and their logs');

	my $r = restore($arc->{path});
	is($r->{status}, 3, "$name: dry run, exit 3 for what came from maildrop") or diag($r->{err});
	my @maildrop = grep { $was{$_}{queue} eq 'maildrop' } keys %was;
	ok(scalar @maildrop, '  there are some');
	is_deeply(states($r), { planned => 120 - @maildrop, failed => scalar @maildrop }, '  the others are planned');
	is_deeply([ sort map { $_->{id} } @{ $r->{rows} } ], [ sort keys %was ], '  each is told once');
	is($r->{sums}{sha256}, $arc->{sha256}, '  the archive is named by its digest');
	is_deeply(tree($pf), $empty, '  nothing is touched');
	ok(!-e dirname($nowhere), '  and no index made');

	$r = restore($arc->{path}, '--execute');
	is($r->{status}, 3, "$name: restored") or diag($r->{err});
	my $after = files(tree($pf));
	my (@wrong, %expected);
	for my $id (grep { $was{$_}{queue} ne 'maildrop' } sort keys %was) {
		my $row = $r->{by_id}{$id};
		my ($old) = grep { m{^/(?:incoming|active|deferred|hold)/(?:./)*\Q$id\E$} } keys %$before;
		my $new = $row->{new_id} // '';
		my $path = "$pf/hold/$new";
		if ($row->{state} ne 'restored' || !-f $path) {
			push @wrong, "$id: $row->{state}, no hold/$new";
			next;
		}
		my @want = @{ $before->{$old} };
		$want[1] = 0700 if !is_windows();
		$expected{"/hold/$new"} = \@want;
		my $inode = (stat _)[1];
		my $fits = $name eq 'long' ? (substr($new, 0, rindex($id, 'z') + 1) eq substr($id, 0, rindex($id, 'z') + 1))
		    : $new eq sprintf('%s%X', substr($id, 0, 5), $inode);
		push @wrong, "$id: $new does not fit inode $inode" if !$fits;
		for my $log (grep { m{^/(?:defer|bounce|trace)/(?:./)*\Q$id\E$} } keys %$before) {
			(my $to = $log) =~ s{[^/]+$}{$new};
			$expected{$to} = $before->{$log};
		}
	}
	is_deeply(\@wrong, [], '  every message has an id that fits its inode');
	is_deeply($after, \%expected, '  bytes, owners, times and logs are those from before, modes as Postfix wants them');
	ok(no_private($pf), '  nothing is left in a private folder');
	my ($scan) = scan_of("$dir/scan-$name.db", $pf);
	is_deeply([ @$scan{qw(messages damaged orphans)} ], [ 120 - @maildrop, 0, 0 ], '  a scan finds all and no orphan');

	my $full = tree($pf);
	$r = restore($arc->{path}, '--execute');
	is($r->{status}, 3, "$name: a second time");
	is_deeply(states($r), { exists => 120 - @maildrop, failed => scalar @maildrop }, '  all are there already');
	is_deeply(tree($pf), $full, '  and nothing changed');

	# maildrop only when it is asked for; then only what came from there
	my $m = restore($arc->{path}, '--execute', '--to-queue', 'maildrop');
	is_deeply([ sort map { $_->{id} } grep { $_->{state} eq 'restored' } @{ $m->{rows} } ], [ sort @maildrop ], "$name: --to-queue maildrop");
	like($m->{err}, qr/pickup/, '  says what follows');
	for my $id (@maildrop) {
		my $path = "/maildrop/$m->{by_id}{$id}{new_id}";
		is_deeply(tree($pf)->{$path}, $before->{"/maildrop/$id"}, '  owner, mode, time and bytes as before');
	}
	unlink map { "$pf/maildrop/$m->{by_id}{$_}{new_id}" } @maildrop;

	# deferred: the folder that Postfix would look into, which the unchanged time in the id tells
	unlink map { "$pf$_" } keys %{ files(tree($pf)) };
	$r = restore($arc->{path}, '--execute', '--to-queue', 'deferred');
	my @bad;
	for my $id (grep { $was{$_}{queue} eq 'deferred' } keys %was) {
		my ($old) = grep { m{^/deferred/(?:./)*\Q$id\E$} } keys %$before;
		push @bad, $id if !-f $pf . dirname($old) . "/$r->{by_id}{$id}{new_id}";
	}
	is_deeply(\@bad, [], "$name: --to-queue deferred finds the hash place") if $name ne 'flat';
}

# ---- Postfix: selectors on an archive are selectors on the index
{
	my $pf = "$dir/pf-select";
	mkspool('--now', $now, 'postfix', $pf, 200);
	my $index = "$dir/select.db";
	scan_of($index, $pf);
	my @all = listing($index);
	my ($one) = grep { $_->{account_kind} && $_->{account_kind} eq 'auth' && $_->{subject} } @all;
	my ($domain) = map { my $s = sweep_ok({ index => $index }, 'show', '--json', $_->{id}); (json_lines($s->{out}))[0]{recipient_list}[0]{address} } $one;
	my ($local, $rdomain) = $domain =~ /^(.*)\@(.*)$/;
	my @selections = (
		[ '--account', $one->{account} ], [ '--account', uc $one->{account} ], [ '--domain', $one->{domain} ], [ '--subject', $one->{subject} ],
		[ '--recipient', $domain ], [ '--recipient-domain', $rdomain ], [ '--recipient-domain', $rdomain, '--account', $one->{account} ],
		[ '--id', $one->{id} ], [ '--larger', '4k' ], [ '--null-sender' ], [ '--queue', 'deferred' ], [ '--kind', 'auth' ],
		[ '--contains', $one->{message_id} // $one->{subject} ], [ '--where', "size > 3000 and account like '%a%'" ], [ '--all' ],
		[ '--sender', 're:^[a-m]' ], [ '--spool', $pf ], [ '--account', 'nobody@nowhere.example' ],
	);
	my %want;
	for my $s (@selections) {
		$want{"@$s"} = [ sort map { $_->{id} } listing($index, @$s) ];
	}
	my $arc = purge([ $pf ]);
	my $empty = tree($pf);
	for my $s (@selections) {
		my $r = restore($arc->{path}, @$s);
		is_deeply([ sort map { $_->{id} } @{ $r->{rows} } ], $want{"@$s"}, "restore @$s selects what list does") or diag($r->{err});
	}
	is_deeply(tree($pf), $empty, 'and nothing is touched');
	my $r = restore($arc->{path}, { in => "$one->{id}\n" }, '--id', '-', '--execute');
	is_deeply([ map { $_->{state} } @{ $r->{rows} } ], [ 'restored' ], 'one message out of many');
	is($r->{status}, 0, '  exit 0');
	is(scalar(grep { m{^/hold/} } keys %{ tree($pf) }), 1, '  and only that one is there');

	# another spool, of the same kind and of another
	my $other = "$dir/pf-other";
	mkspool('--now', $now, '--seed', 7, 'postfix', $other, 3);
	$r = restore($arc->{path}, '--to', $other, '--id', $one->{id}, '--execute');
	is($r->{rows}[0]{spool}, $other, '--to another spool');
	ok(-f "$other/hold/$r->{rows}[0]{new_id}", '  it is there');
	mkspool('exim', "$dir/ex-other", 1);
	for my $bad ([ 64, qr/--kind exim/, '--to', "$dir/ex-other" ], [ 64, qr/looked for|no spool/i, '--to', $dir ], [ 1, qr/absent/, '--to', "$dir/absent" ],
	    [ 64, qr/hold, deferred or maildrop/, '--to-queue', 'active' ],
	    [ 64, qr/--thaw: only Exim/, '--thaw' ], [ 64, qr/--reset-time: only Exim/, '--reset-time' ], map { [ 64, qr/is no rate/, '--rate', $_ ] } '0', '5/day', '/min', 'x', '-1', '1.5/s', '', '99999999999999999999/s') {
		my ($status, $says, @args) = @$bad;
		my $full = tree($pf);
		my $f = restore($arc->{path}, @args, '--execute');
		is($f->{status}, $status, "@args: exit $status");
		like($f->{err}, $says, '  and says why');
		is_deeply(tree($pf), $full, '  nothing is touched');
	}

	rename $pf, "$pf.away" or die $!;
	my $lost = restore($arc->{path}, '--execute');
	is($lost->{status}, 1, 'the spool that the archive names is not here: exit 1');
	like($lost->{err}, qr/\Q$pf\E, which the archive names .*--to SPOOL/, '  and what helps is said');
	rename "$pf.away", $pf or die $!;

	# a foreign file at the place of a message, or a file that has its bytes in another queue
	my ($copy) = grep { m{^/hold/} } keys %{ tree($pf) };
	rename "$pf$copy", "$pf/incoming/" . basename($copy) or die $!;
	$r = restore($arc->{path}, '--id', $one->{id}, '--execute');
	is($r->{rows}[0]{state}, 'exists', 'the same bytes in another queue: exists');
	is($r->{rows}[0]{new_id}, basename($copy), '  and its id is told');
}

# ---- a spool of five months ago
{
	my $pf = "$dir/pf-old";
	mkspool('--now', $now - 150 * 86400, 'postfix', $pf, 30);
	my $arc = purge([ $pf ]);
	my $r = restore($arc->{path});
	is($r->{sums}{past_life}, $r->{sums}{planned}, 'old mail is counted');
	like($r->{err}, qr/past their lifetime/, '  and warned of');
	$r = restore($arc->{path}, '--execute');
	is($r->{sums}{restored}, $r->{sums}{past_life}, '  but put into hold, from which nothing is sent');
}

# ---- Exim: all as it was but one line
sub unfrozen {
	my ($text) = @_;
	my @lines = split /^/, $text;
	splice @lines, 4, 1 if @lines > 4 && $lines[4] =~ /^-frozen \d+\n\z/;
	return join '', @lines;
}

my @layouts = ([ 'flat' ], [ 'split', '--split' ], [ 'long', '--split', '--long-ids' ], [ 'named', '--named-queue', 'slow' ]);
SKIP: {
	skip 'folders a and A of a split spool are one on Windows', 2 * 9 if is_windows();
}
for my $case (grep { !is_windows() || ($_->[1] // '') ne '--split' } @layouts) {
	my ($name, @opt) = @$case;
	my $ex = "$dir/ex-$name";
	mkspool('--now', $now, @opt, 'exim', $ex, 100);
	if ($is_root) {
		chown 4321, 4322, $_ or die "$_: $!" for map { "$ex$_" } keys %{ tree($ex) };
	}
	my $before = tree($ex);
	my %head = map { $_ => slurp("$ex$_") } grep { /-H$/ } keys %$before;
	my $arc = purge([ $ex ]);
	my $r = restore($arc->{path}, '--execute');
	my %failed = map { $_->{id} => $_->{why} } grep { $_->{state} eq 'failed' } @{ $r->{rows} };
	is_deeply([ grep { $failed{$_} !~ /days old/ } keys %failed ], [], "$name: only old ones stay away");
	is($r->{status}, %failed ? 3 : 0, '  exit status');
	my $after = tree($ex);
	my %frozen = map { $_->{id} => 1 } grep { $_->{state} eq 'frozen' } @{ $arc->{list} };
	my (@wrong, $frozen, $untouched);
	for my $path (sort keys %$before) {
		my ($id) = $path =~ m{/(\w{6}-\w+-\w+)(?:-[HDJ])?$};
		next if defined $id && $failed{$id};
		my ($was, $is) = ($before->{$path}, $after->{$path});
		if (!defined $is) {
			push @wrong, "$path is missing";
		} elsif ($path =~ /-H$/) {
			my $text = slurp("$ex$path");
			push @wrong, "$path: attributes" if "@$is[0 .. 4]" ne "@$was[0 .. 4]";
			if ($frozen{$id}) {
				push @wrong, "$path was frozen and changed" if $text ne $head{$path};
				$untouched++;
			} else {
				push @wrong, "$path: bytes" if $text eq $head{$path} || unfrozen($text) ne $head{$path};
				$frozen++;
			}
		} elsif ("@$is" ne "@$was") {
			push @wrong, "$path: @$is is not @$was";
		}
	}
	is_deeply(\@wrong, [], "$name: bytes, modes, owners, times; -H has one more line");
	ok($frozen && $untouched, '  both kinds were there');
	is_deeply([ grep { !exists $before->{$_} } keys %$after ], [], '  and nothing else');
	my ($scan) = scan_of("$dir/scan-ex-$name.db", $ex);
	is_deeply([ @$scan{qw(messages damaged orphans)} ], [ 100 - keys %failed, 0, 0 ], '  a scan finds all');
	is(scalar(grep { $_->{state} ne 'frozen' } listing("$dir/scan-ex-$name.db")), 0, '  all frozen');
	$r = restore($arc->{path}, '--execute');
	is_deeply(states($r), { exists => 100 - keys %failed, %failed ? (failed => scalar keys %failed) : () }, '  a second time: exists');

	# without freezing nothing changes at all
	unlink map { "$ex$_" } keys %{ files(tree($ex)) };
	$r = restore($arc->{path}, '--execute', '--thaw');
	my $thawed = tree($ex);
	is_deeply([ grep { join(' ', @{ $thawed->{$_} }) ne join(' ', @{ $before->{$_} }) } keys %{ files($thawed) } ], [], "$name: --thaw changes no byte");
}

# ---- Exim: age, queues, ids that are taken
{
	my $ex = "$dir/ex-old";
	mkspool('--now', $now - 10 * 86400, 'exim', $ex, 40);
	my $before = tree($ex);
	my %head = map { basename($_) => slurp("$ex$_") } grep { /-H$/ } keys %$before;
	my $arc = purge([ $ex ]);
	my $empty = tree($ex);
	my $r = restore($arc->{path}, '--execute');
	is_deeply(states($r), { failed => 40 }, 'Exim would fail frozen messages of this age');
	like($r->{rows}[0]{why}, qr/days old.*--to-queue.*--reset-time/, '  the reason names both ways out');
	is_deeply(tree($ex), $empty, '  nothing is touched');

	$r = restore($arc->{path}, '--execute', '--to-queue', 'restored');
	is_deeply(states($r), { restored => 40 }, '--to-queue takes them');
	my $t = tree($ex);
	is(scalar(grep { m{^/restored/input/[^/]+-H$} } keys %$t), 40, '  there');
	is_deeply($t->{$_}, $empty->{'/input'}, "  $_ is made like input") for '/restored', '/restored/input';
	is($r->{sums}{past_life}, 40, '  and all are old');
	my ($scan) = scan_of("$dir/scan-ex-old.db", $ex);
	is($scan->{damaged}, 0, '  whole');
	is_deeply({ map { $_->{queue} => 1 } listing("$dir/scan-ex-old.db") }, { restored => 1 }, '  in that queue');

	$r = restore($arc->{path}, '--execute', '--reset-time');
	is_deeply(states($r), { exists => 40 }, 'an id is taken in every queue');
	unlink map { "$ex$_" } keys %{ files(tree($ex)) };
	$r = restore($arc->{path}, '--execute', '--reset-time');
	is_deeply(states($r), { restored => 40 }, '--reset-time takes them');
	my @wrong;
	for my $h (sort keys %head) {
		my @is = split /^/, slurp("$ex/input/$h");
		my @was = split /^/, $head{$h};
		my ($warnings) = $was[3] =~ /^\d+( .*\n)/;
		push @wrong, "$h: $is[3]" unless $is[3] =~ /^(\d+)\Q$warnings\E\z/ && abs($1 - time) < 300;
		$is[3] = $was[3];
		push @wrong, $h if join('', @is) ne $head{$h} && unfrozen(join '', @is) ne $head{$h};
	}
	is_deeply(\@wrong, [], '  line 4 is now, and -frozen: no other change');

	# a file of one id stands in the way
	my ($id, $second) = map { s/-H$//r } sort keys %head;
	unlink map { "$ex$_" } keys %{ files(tree($ex)) };
	spew("$ex/input/$id-D", "$id-D\nforeign\n", 0640);
	$r = restore($arc->{path}, '--execute', '--reset-time', '--id', $id, '--id', $second);
	is($r->{by_id}{$id}{state}, 'failed', 'a foreign -D: failed');
	like($r->{by_id}{$id}{why}, qr/\Q$id-D\E/, '  which is named');
	is(slurp("$ex/input/$id-D"), "$id-D\nforeign\n", '  and left as it is');
	is($r->{by_id}{$second}{state}, 'restored', '  the other is restored');
	is(restore($arc->{path}, '--to-queue', $_)->{status}, 64, "--to-queue $_: usage") for 'input', '../x', 'a/b', '.hidden', '';
}

# ---- SmarterMail: into the root, only Written
{
	my $sm = "$dir/sm/Spool";
	mkdir "$dir/sm" or die $!;
	mkspool('--now', $now, 'smartermail', $sm, 60);
	if (!is_windows()) {	# names whose id, which is text, reads otherwise: not UTF-8, not in composed form
		my ($pair) = map { s/\.hdr\z//r } sort glob "$sm/SubSpool*/*.hdr";
		for my $odd ("\xff\xfe", "e\xcc\x81", "\xc3\xa9") {
			spew(dirname($pair) . "/$odd.$_", slurp("$pair.$_")) for 'hdr', 'eml';
		}
	}
	my $before = tree($sm);
	my %where = map { basename($_) => $_ } grep { $before->{$_}[0] eq 'f' } keys %$before;
	my ($lost) = sort grep { /\.hdr$/ } keys %where;
	my $text = slurp("$sm$where{$lost}");
	(my $failed = $text) =~ s/^Written/Failed/ or die $text;
	spew("$sm$where{$lost}", $failed);
	my $arc = purge([ $sm ]);
	my $arc2 = purge([ $sm ], '--damaged');
	is(scalar keys %{ files(tree($sm)) }, 0, 'SmarterMail: all are gone, by two archives');
	my $r = restore($arc->{path}, '--execute');
	is($r->{status}, 0, 'restored') or diag($r->{err});
	my $after = files(tree($sm));
	my %expected = map { ("/$_" => $before->{ $where{$_} }) } grep { $_ ne $lost && $_ ne ($lost =~ s/hdr$/eml/r) } keys %where;
	is_deeply($after, \%expected, '  bytes, modes, owners and times, in the root');
	ok(no_private($sm), '  nothing is left beside the spool');
	$r = restore($arc2->{path}, '--execute');
	is_deeply(states($r), { failed => 1 }, 'Failed is not put back');
	like($r->{rows}[0]{why}, qr/Failed/, '  the reason');
	is_deeply(files(tree($sm)), $after, '  and nothing is written');
	$r = restore($arc->{path}, '--execute');
	is_deeply(states($r), { exists => keys(%expected) / 2 }, 'a second time: exists');

	my ($base) = map { s/\.hdr$//r } grep { /\.hdr$/ && $_ ne $lost } sort keys %where;
	unlink "$sm/$base.hdr", "$sm/$base.eml";
	mkdir "$sm/SubSpool77" or die $!;
	spew("$sm/SubSpool77/$base.EML", 'foreign');
	spew("$sm/SubSpool77/$base.HDR", "Written \r\na\@b.example\r\nc\@d.example\r\n\r\n");
	$r = restore($arc->{path}, '--execute', '--id', $base);
	is($r->{rows}[0]{state}, 'exists', 'a name in another folder, spelled in capitals: exists');
	ok(!-e "$sm/$base.hdr", '  and nothing is written');
	is(restore($arc->{path}, @$_)->{status}, 64, "@$_: usage") for [ '--to-queue', 'x' ], ['--thaw'], ['--reset-time'];
}

# ---- several spools in one archive
{
	my ($pf, $ex) = ("$dir/two/pf", "$dir/two/ex");
	mkdir "$dir/two" or die $!;
	mkspool('--now', $now, 'postfix', $pf, 20);
	mkspool('--now', $now, 'exim', $ex, 20);
	my $arc = purge([ $pf, $ex ]);
	my $r = restore($arc->{path}, '--execute', '--spool', $ex);
	is_deeply([ map { $_->{spool} } @{ $r->{rows} } ], [ ($ex) x 20 ], 'two spools: only the selected one');
	$r = restore($arc->{path}, '--execute');
	my %n;
	$n{"$_->{spool} $_->{state}"}++ for @{ $r->{rows} };
	ok($n{"$pf restored"} && $n{"$ex exists"}, '  each message goes into its own');
	is(restore($arc->{path}, '--to', $pf)->{status}, 64, '  --to fits only one kind');

	# Accounts and texts that several spools have in common, met first in any of them: the archive goes by arrival.
	my @many = map { "$dir/many/$_" } qw(ex pf sm pf2);
	mkdir "$dir/many" or die $!;
	mkspool('--now', $now, '--seed', 1, 'exim', $many[0], 40);
	mkspool('--now', $now, '--seed', 2, 'postfix', $many[1], 40);
	mkspool('--now', $now, '--seed', 3, 'smartermail', $many[2], 40);
	mkspool('--now', $now, '--seed', 4, 'postfix', $many[3], 40);
	my $all = purge(\@many);
	is($all->{deleted}, 160, 'four spools of the same accounts');
	$r = restore($all->{path});
	is_deeply([ grep { $_->{state} ne 'planned' && ($_->{why} // '') !~ /maildrop|days old/ } @{ $r->{rows} } ], [], '  can be restored') or diag $r->{err};
	my %planned;
	$planned{ $_->{spool} }++ for @{ $r->{rows} };
	is_deeply(\%planned, { map { $_ => 40 } @many }, '  each into its own');
	is(scalar(@{ restore($all->{path}, '--account', $all->{list}[0]{account})->{rows} }),
	    scalar(grep { lc($_->{account} // '') eq lc $all->{list}[0]{account} } @{ $all->{list} }), '  and an account is one in all of them');

	# ---- verify
	my $v = sweep({ index => $nowhere }, 'verify', '--json', $arc->{path});
	my ($row) = json_lines($v->{out});
	is($v->{status}, 0, 'verify: whole');
	is_deeply([ @$row{qw(messages whole sha256 problems plan)}, scalar @{ $row->{findings} } ], [ 40, JSON::PP::true, $arc->{sha256}, 0, undef, 0 ],
	    '  what it says');
	($row) = json_lines(sweep_ok({ index => $arc->{index} }, 'verify', '--json', $arc->{path})->{out});
	is($row->{plan}, 1, '  with the journal at hand: the plan that made it');
	like(sweep_ok({ index => $arc->{index} }, 'verify', $arc->{path})->{out}, qr/whole, 40 messages in \d+ files, as plan 1 made it/, '  for people');
	is(sweep({ index => $nowhere }, 'verify')->{status}, 64, 'verify nothing: usage');
	is(sweep({ index => $nowhere }, 'verify', "$dir/absent.tar.zst")->{status}, 1, 'verify what is not there: 1');
	like(sweep({ index => $nowhere }, 'verify', $dir)->{out}, qr/ is no regular file$/m, 'verify a folder: no archive');

	# ---- an archive that is not whole is refused before anything is touched
	unlink map { "$ex$_" } keys %{ files(tree($ex)) };
	my $bytes = slurp($arc->{path});
	my $name = basename($arc->{path});
	my $empty = tree($ex);
	my @broken = (
		[ 'a flipped bit in the middle', sub { my $b = $bytes; substr($b, length($b) / 2, 1) ^= "\x10"; $b } ],
		[ 'a cut end', sub { substr $bytes, 0, length($bytes) - 100 } ],
		[ 'bytes behind the end', sub { $bytes . 'x' } ],
		[ 'nothing', sub { '' } ],
	);
	for my $b (@broken) {
		my ($what, $make) = @$b;
		mkdir "$dir/broken";
		spew("$dir/broken/$name", $make->(), 0600);
		my $f = restore("$dir/broken/$name", '--execute');
		is($f->{status}, 1, "$what: refused");
		is_deeply(tree($ex), $empty, '  nothing is touched');
		$v = sweep({ index => $nowhere }, 'verify', '--json', $arc->{path}, "$dir/broken/$name");
		my @rows = json_lines($v->{out});
		is($v->{status}, 1, '  verify: 1');
		is_deeply([ map { $_->{whole} } @rows ], [ JSON::PP::true, JSON::PP::false ], '  and which one');
		ok($rows[1]{problems} > 0 && @{ $rows[1]{findings} } > 0, '  and why');
	}
	spew("$dir/broken/other-$name", $bytes, 0600);
	is(restore("$dir/broken/other-$name", '--execute')->{status}, 1, 'another name: refused');
	my $zstd = (grep { -x "$_/zstd" } split /:/, $ENV{PATH} // '')[0];
	SKIP: {
		skip 'zstd is not installed', 3 unless $zstd;
		system("zstd -q -d -c '$arc->{path}' | zstd -q -1 -f -o '$dir/broken/$name'") == 0 or die 'zstd';
		is(sweep({ index => $nowhere }, 'verify', "$dir/broken/$name")->{status}, 0, 'packed anew: what it unpacks to is whole');
		my $j = sweep({ index => $arc->{index} }, 'verify', "$dir/broken/$name");
		is($j->{status}, 1, '  but the journal knows another file');
		like($j->{out}, qr/not the one that plan 1 made/, '  and says so');
	}
}

# ---- killed in the middle: the same command goes on, and nothing comes twice or half
for my $kind ('postfix', 'exim') {
	my $spool = "$dir/kill-$kind";
	mkspool('--now', $now, $kind, $spool, 60);
	my $arc = purge([ $spool ]);
	my $target = $kind eq 'postfix' ? 'hold' : 'input';
	my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
	my $p = begin({ out => "$dir/kill.out", err => "$dir/kill.err" }, $program, 'restore', '--execute', '--rate', 60, '--json', $arc->{path});
	# A minute is left to kill it in.
	for (1 .. 12000) {
		last if keys %{ files(tree("$spool/$target")) } >= 6;
		tend($p);
		select undef, undef, undef, 0.05;
	}
	is(end_by($p, 'KILL') & 127, 9, "$kind: killed under way");
	my $some = grep { $kind eq 'postfix' || /-H$/ } keys %{ files(tree("$spool/$target")) };
	ok($some > 0 && $some < 60, "  $some of 60 were back");
	my ($scan) = scan_of("$dir/kill-$kind-1.db", $spool);
	is(scalar(grep { !$_->{damage} || !@{ $_->{damage} } } listing("$dir/kill-$kind-1.db")), $some, '  each of them whole');
	my $r = restore($arc->{path}, '--execute');
	my $n = states($r);
	is($n->{exists}, $some, '  the same command skips them');
	is($n->{exists} + $n->{restored} + ($n->{failed} || 0), 60, '  and puts back the rest');
	($scan) = scan_of("$dir/kill-$kind-2.db", $spool);
	is_deeply([ @$scan{qw(messages damaged orphans)} ], [ 60 - ($n->{failed} || 0), 0, 0 ], '  nothing twice, half or left over');
	ok(no_private($spool), '  nor in a private folder');
}

# ---- slowly and evenly, and a signal between two messages
{
	my $pf = "$dir/pf-rate";
	mkspool('--now', $now, 'postfix', $pf, 8);
	my $arc = purge([ $pf ]);
	my @good = grep { $_->{queue} ne 'maildrop' } @{ $arc->{list} };
	my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
	my $p = begin({ out => "$dir/rate.out", err => "$dir/rate.err" }, $program, '--index', $nowhere, 'restore', '--execute', '--rate', '1/h', '--json',
	    $arc->{path});
	my @back;
	for (1 .. 12000) {
		last if @back = grep { m{^/hold/} } keys %{ files(tree($pf)) };
		tend($p);
		select undef, undef, undef, 0.05;
	}
	is(scalar @back, 1, '--rate 1/h: the first one comes at once');
	is(end_by($p, 'INT') >> 8, 2, '  Ctrl-C: exit 2, for more is to be done') or diag slurp("$dir/rate.err");
	like(slurp("$dir/rate.err"), qr/stopped; the same command goes on/, '  and says so');
	is(scalar(grep { m{^/hold/} } keys %{ files(tree($pf)) }), 1, '  one is back');
	ok(no_private($pf), '  no private folder stays');
	is_deeply({ map { $_->{id} => $_->{state} } grep { $_->{id} } json_lines(slurp("$dir/rate.out")) }->{ $good[0]{id} }, 'restored', '  and it is told')
	    if @good == @{ $arc->{list} };

	my $r = restore($arc->{path}, '--execute', '--rate', '4/s');
	is_deeply([ @{ states($r) }{qw(exists restored)} ], [ 1, @good - 1 ], 'the same command skips it and puts back the rest');
	my @ctime = sort { $a <=> $b } map { (Time::HiRes::stat("$pf$_"))[10] } grep { m{^/hold/} } keys %{ files(tree($pf)) };
	my @gap = sort { $a <=> $b } map { $ctime[$_ + 1] - $ctime[$_] } 1 .. $#ctime - 1;
	# ctime comes from the kernel's tick, up to 10 ms late
	cmp_ok($gap[0], '>=', 0.23, '--rate 4/s: never two within a quarter of a second');
}

# ---- a user who may not
SKIP: {
	skip 'needs root', 2 unless $is_root;
	my $pf = "$dir/pf-user";
	mkspool('--now', $now, 'postfix', $pf, 5);
	my $arc = purge([ $pf ]);
	my $empty = tree($pf);
	chmod 0755, $_ for map { "$dir/$_" } grep { /^archives-/ } do { opendir my $d, $dir or die $!; readdir $d };
	chmod 0644, $arc->{path};
	my $r = restore($arc->{path}, { wrap => [ 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups' ] }, '--execute');
	is($r->{status}, 1, 'a user who may not: exit 1') or diag($r->{err});
	is_deeply(tree($pf), $empty, '  nothing is touched');
}

done_testing();
