# The health check: states, performance data, what is unknown, known accounts, hostile names, history.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Path qw(make_path);
use Test::More;
use Fault qw(fault_program);
use JSON::PP ();
use Sweep;

my $dir = work_dir();
my $now = time;
my $serial = 0;
$ENV{TZ} = 'UTC';

# ---- a spool of Exim's, message by message

sub header { my ($text, $flag) = @_; return sprintf "%03d%s %s\n", 1 + length $text, $flag || ' ', $text }

# n messages of one account: account, ago (seconds), every (seconds between two), client (printf), options, reply
sub put {
	my ($spool, $n, %o) = @_;
	make_path("$spool/input", "$spool/msglog", "$spool/db");
	for my $i (0 .. $n - 1) {
		my $id = sprintf '1qDO9M-%06d-2p', ++$serial;
		my $at = $now - ($o{ago} // 60) - int $i * ($o{every} // 0);
		my $client = ($o{client} // '192.0.2.7') =~ s/%d/1 + $i % 250/er;
		spew("$spool/input/$id-D", "$id-D\ntext\n", 0640);
		spew("$spool/input/$id-H", "$id-H\nwww-data 33 33\n<a\@shop.example>\n$at 0\n-received_protocol esmtpa\n-host_auth plain\n" .
		    "-auth_id " . ($o{account} // 'info@shop.example') . "\n-host_address [$client]:4711\n" . ($o{options} // '') .
		    "XX\n1\nb\@one.example\n\n" . header('Received: from x by mx', 'P') . header('Subject: plain'), 0640);
		spew("$spool/msglog/$id", "2026-01-01 00:00:00 b\@one.example: SMTP error from remote mail server after RCPT TO: $o{reply}\n", 0640) if $o{reply};
	}
	return $spool;
}

my @quiet = ('-t', 600, '-w', 'disk_free=', '-c', 'disk_free=', '-w', 'inodes_free=', '-c', 'inodes_free=');	# nor are this machine's disk and speed under test
sub check { my ($index, @args) = @_; return sweep({ index => $index }, 'check', @quiet, @args) }

# name => value as text, of a line of performance data by its own grammar
sub perf {
	my ($out) = @_;
	my ($line) = $out =~ /\A([^\n]*)\n/ or return;
	my ($text, $data) = $line =~ /\A(SPOOL (?:OK|WARNING|CRITICAL|UNKNOWN) - [^|]*) \|([^|]*)\z/ or return;
	my %v;
	while ($data =~ s/\A ('(?:[^'=]|'')+'|[^' =]+)=(U|-?[0-9.]+)(s|B|%|);([-~\@:0-9.]*);([-~\@:0-9.]*);(-?[0-9.]*)(?:;([0-9.]*))?(?=\z| )//) {
		my ($label, $value) = ($1, $2);
		$v{ $label =~ s/\A'(.*)'\z/$1/r } = $value;
	}
	return if length $data;
	return \%v;
}

sub rows { my ($index, @args) = @_; return map { $_->{check} => $_ } json_lines(check($index, '--json', @args)->{out}) }

my @names = qw(messages oldest frozen deferred growth account_messages account_rate account_share new_accounts blocklisted clients damaged
	disk_free inodes_free scan_age index mta unfinished);

subtest 'a quiet spool is OK' => sub {
	my $spool = put("$dir/quiet", 4, every => 70);
	my $r = check("$dir/quiet.db", $spool);
	is($r->{status}, 0, 'exit 0') or diag $r->{out};
	is($r->{err}, '', 'nothing on stderr');
	is($r->{out} =~ tr/\n//, 1, 'one line');
	like($r->{out}, qr/\ASPOOL OK - 4 messages queued, oldest message 4 min old, info\@shop\.example queued 4 in 3 min \|/, 'that says what is there');
	my $v = perf($r->{out});
	ok($v, 'with performance data by the guidelines') or diag $r->{out};
	is_deeply([sort keys %$v], [sort map { $_ eq 'index' ? $_ : "exim_$_" } @names], 'of every check');
	is($v->{exim_messages}, 4, 'the number');
	is($v->{exim_growth}, 'U', 'what has no history is U');
	ok(-e "$dir/quiet.db", 'a missing index was made');
	$r = check("$dir/quiet.db", '-v', "exim:$spool");
	is($r->{out} =~ tr/\n//, 1 + @names + 1, '-v: a line a check, and the account');
	is(($r->{out} =~ tr/|//), 1, 'and no second bar');
	my %row = rows("$dir/quiet.db", $spool);
	is_deeply([sort keys %row], [sort @names], '--json: an object a check');
	is_deeply([@{ $row{messages} }{qw(spool kind state value at_least unit warning critical)}],
	    [$spool, 'exim', 'OK', 4, undef, '', '500', '2000'], 'with its facts');
	is($row{growth}{value}, undef, 'unknown is null');
};

subtest 'every state, by one check' => sub {
	my $spool = "$dir/quiet";
	my @case = (
		[0, '-w', 'messages=4'], [1, '-w', 'messages=3'], [2, '-c', 'messages=3'], [2, '-w', 'messages=3', '-c', 'messages=3'],
		[0, '--critical=messages=@5:9'], [2, '--critical', 'messages=@4:9'], [2, '--critical', 'messages=5:'], [1, '--warning', 'oldest=1m'],
		[0, '--warning', 'oldest=1h'], [2, '--critical', 'account_messages=3'], [2, '--critical', 'account_share=99%'],
		[0, '--critical', 'account_share=100%'], [1, '--warning', 'account_rate=0'], [1, '-w', 'clients=0'], [2, '-c', 'deferred=@10:'],
		[2, '-c', 'disk_free=9999T:'], [2, '-c', 'scan_age=2h:'], [2, '-c', 'messages=3', '-c', 'oldest='], [0, '-c', 'messages=1', '-c', 'messages='],
		[0, '-c', 'frozen=0'], [0, '-c', 'damaged=0'], [0, '-c', 'blocklisted=0'], [0, '-c', 'unfinished=0'], [0, '-c', 'index=0'],
	);
	for my $case (@case) {
		my ($want, @args) = @$case;
		my $r = check("$dir/quiet.db", @args, $spool);
		is($r->{status}, $want, "@args: exit $want") or diag $r->{out};
	}
	for my $args (['-c', 'nonsense=5'], ['-c', 'messages=5m'], ['-w', 'messages'], ['--known', "$dir/absent"], ['--bogus'], ['-w'], ['--help']) {
		my $r = sweep({ index => "$dir/quiet.db" }, 'check', @$args, $spool);
		is($r->{status}, 3, "@$args: exit 3");
		isnt($r->{out}, '', 'with words on stdout');
	}
};

subtest 'a burst of one account' => sub {
	my $spool = put("$dir/burst", 3, account => 'anna@kunde.example');
	put($spool, 1200, every => 0.5, client => '198.51.100.%d', reply => '554 5.7.1 blocked using zen.spamhaus.org');
	my $r = check("$dir/burst.db", $spool);
	is($r->{status}, 2, 'is CRITICAL');
	like($r->{out}, qr/\ASPOOL CRITICAL - info\@shop\.example queued 1,200 in \d+ min; /, 'and names the account and how fast');
	my %row = rows("$dir/burst.db", $spool);
	is($row{account_messages}{account}, 'info@shop.example', 'as JSON too');
	is_deeply([map { $row{$_}{state} } qw(messages account_messages account_rate clients blocklisted account_share)],
	    [qw(WARNING CRITICAL WARNING CRITICAL CRITICAL WARNING)], 'each check by itself');

	spew("$dir/known", "# the shop's newsletter\nauth:Info\@shop.example 1500\n");
	my $known = check("$dir/burst.db", '-v', '--known', "$dir/known", $spool);
	%row = rows("$dir/burst.db", '--known', "$dir/known", $spool);
	is_deeply([map { $row{$_}{state} } qw(account_messages account_rate account_share clients)], [qw(OK OK OK CRITICAL)],
	    'a known account is left out of the account_ checks, not of its clients');
	is($row{account_messages}{account}, 'anna@kunde.example', 'the next one is judged');
	is_deeply($row{account_messages}{known}, [{ account => 'info@shop.example', account_kind => 'auth', messages => 1200 }], 'and it is still shown');
	like($known->{out}, qr/^known account, left out: exim: auth:info\@shop\.example has 1,200 messages/m, 'in the long output too');
	spew("$dir/known", "auth:info\@shop.example 1199\n");
	%row = rows("$dir/burst.db", '--known', "$dir/known", $spool);
	is($row{account_messages}{state}, 'CRITICAL', 'above its number it counts');
	spew("$dir/known", "auth:info\@shop.example 1199\ninfo\@shop.example\n");
	like(check("$dir/burst.db", '--known', "$dir/known", $spool)->{out}, qr/SPOOL UNKNOWN.*line 2/, 'a mistake in the list names its line');
};

subtest 'frozen, old, damaged' => sub {
	my $spool = put("$dir/old", 12, ago => 15 * 86400, options => "-frozen $now\n");
	spew("$spool/input/1qDO9M-99999$_-2p-D", "half\n", 0640) for 0 .. 3;
	my %row = rows("$dir/old.db", '-c', 'frozen=11', '-w', 'damaged=3', $spool);
	is($row{frozen}{state}, 'CRITICAL', 'frozen');
	is($row{oldest}{state}, 'CRITICAL', 'older than any server tries');
	is($row{damaged}{state}, 'WARNING', 'halves of messages');
	is($row{damaged}{value}, 4, 'each counted once');
};

subtest 'hostile names' => sub {
	my $spool = "$dir/hostile";
	my @name = ("x|'messages'=0;;;0\@a.example", "<script>alert(1)</script>\@a.example", "\$USER1\$`id`\@a.example", "\x1b[31mred\x{202e}\@a.example",
		"q'=uote\@a.example", ('long' x 300) . '@a.example');
	put($spool, 2, account => $_) for map { my $n = $_; utf8::encode($n); $n } @name;
	for my $i (0 .. $#name) {
		my $many = put("$dir/hostile$i", 3, account => do { my $n = $name[$i]; utf8::encode($n); $n });
		my $r = check("$dir/hostile$i.db", '-v', '-c', 'account_messages=2', $many);
		is($r->{status}, 2, "name $i: critical");
		ok(perf($r->{out}), 'the line keeps its form') or diag $r->{out};
		unlike($r->{out}, qr/[<>`\$\x1b]|\x{202e}|\xe2\x80\xae/, 'no markup, no escape, nothing for a shell');
		is(($r->{out} =~ tr/|//), 1, 'one bar');
		my ($first) = $r->{out} =~ /\A([^|]*)/;
		cmp_ok(length $first, '<', 400, 'nor does a long one fill it');
	}
	my $odd = "$dir/it's=a|spool";
	put($odd, 1);
	put("$dir/second", 1);
	my $v = perf(check("$dir/two.db", $odd, "$dir/second")->{out});
	ok($v, 'two spools of a kind, one with an odd name');
	is($v->{"exim:$dir/second_messages"}, 1, 'labels have the folder then');
	is(scalar(grep { /_messages\z/ && !/account/ } keys %$v), 2, 'each its own');
};

subtest 'what cannot be read is UNKNOWN, never 0' => sub {
	my $r = check("$dir/none.db", "exim:$dir/nowhere");
	is($r->{status}, 3, 'a folder that is not there');
	is(perf($r->{out})->{exim_messages}, 'U', 'is U');
	like($r->{out}, qr/No such file/, 'and says why');
	make_path("$dir/plain");
	is(check("$dir/none.db", "$dir/plain")->{status}, 3, 'a folder that is no spool');
	my $spool = put("$dir/part", 5);
	rename "$spool/input", "$spool-input" or die;
	symlink "$spool-input", "$spool/input" or die;
	$r = check("$dir/part.db", $spool);
	is($r->{status}, 3, 'a queue that is a link');
	is(perf($r->{out})->{exim_messages}, 'U', 'is U');
	SKIP: {
		skip 'needs root', 3 if $> != 0;
		put("$dir/mixed", 5);
		make_path("$dir/mixed/lists/input");
		put("$dir/mixed/lists", 4);
		chmod 0755, $dir, map { "$dir/mixed$_" } '', '/input', '/lists', '/lists/input';
		chmod 0644, glob("$dir/mixed/*/*-[HD] $dir/mixed/*/*/*-[HD]");
		chmod 0000, "$dir/mixed/lists/input";
		my @nobody = ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups');
		my $index = work_dir();
		chown 65534, 65534, $index;
		$r = sweep({ index => "$index/i.db", wrap => \@nobody }, 'check', @quiet, '--json', "exim:$dir/mixed");
		my %row = map { $_->{check} => $_ } json_lines($r->{out});
		is($r->{status}, 3, 'one of two queues unreadable: UNKNOWN');
		is_deeply([@{ $row{messages} }{qw(value at_least state)}], [undef, 5, 'UNKNOWN'], 'what was read is a lower bound');
		$r = sweep({ index => "$index/i.db", wrap => \@nobody }, 'check', @quiet, '-c', 'messages=4', "exim:$dir/mixed");
		is($r->{status}, 2, 'which is enough to be CRITICAL');
	}
};

subtest 'the index: foreign, full, read-only' => sub {
	spew("$dir/foreign.db", 'this is no database, and it is long enough to be looked at' x 20);
	my $r = check("$dir/foreign.db", "$dir/quiet");
	is($r->{status}, 2, 'a file that is no index is CRITICAL');
	like($r->{out}, qr/not an index of spoolsweep/, 'and named');
	is(perf($r->{out})->{exim_messages}, 4, 'the messages are counted all the same');
	is(perf($r->{out})->{exim_account_messages}, 'U', 'the accounts are not known');
	is(slurp("$dir/foreign.db"), 'this is no database, and it is long enough to be looked at' x 20, 'it is not touched');
	SKIP: {
		skip 'needs root and a mount namespace', 4 if $> != 0 || system('unshare -m true 2>/dev/null') != 0;
		mkspool('exim', "$dir/big", 3000);
		make_path("$dir/small");
		my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
		my $script = 'mount -t tmpfs -o size=400k none "$1" || exit 90; "$2" --index "$1/i.db" check -t 600 "$3" >"$4"; echo $? >>"$4"; ' .
		    'umount "$1"; mount -t tmpfs -o size=9m none "$1"; "$2" --index "$1/i.db" check -t 600 "$5" >/dev/null; mount -o remount,ro "$1"; ' .
		    '"$2" --index "$1/i.db" check -t 600 "$5" >"$4.ro"; echo $? >>"$4.ro"';
		system('unshare', '-m', 'sh', '-c', $script, 'sh', "$dir/small", $program, "$dir/big", "$dir/small.out", "$dir/quiet") == 0 or die "namespace: $?";
		my $out = slurp("$dir/small.out");
		like($out, qr/\ASPOOL CRITICAL - (?=[^|]*--index)[^|]*(?:full|No space left).*\n2\n\z/s, 'a full disk is CRITICAL and said');
		is(perf($out)->{exim_messages}, 3000, 'the messages are counted all the same');
		$out = slurp("$dir/small.out.ro");
		like($out, qr/\ASPOOL CRITICAL - [^|]*[Rr]ead-?only.*\n2\n\z/s, 'so is a read-only one');
		is(perf($out)->{exim_messages}, 4, 'with the number');
	}
};

sub sql {
	my ($db, $text) = @_;
	my $out = `sqlite3 '$db' "$text"`;
	die "sqlite3 $text: $?" if $?;
	chomp $out;
	return $out;
}

# Only these: what the made spool holds otherwise does not matter.
my @count_only = map { ('-w', "$_=", '-c', "$_=") } grep { $_ ne 'messages' } @names;

subtest 'a time limit: what was read is kept, and never OK' => sub {
	my ($spool, $db) = ("$dir/cold", "$dir/cold.db");
	mkspool('exim', $spool, 6000);
	my ($timeout, $r, $staged) = (0.02);
	# How fast this machine is decides where the scan is cut; that it is cut somewhere is what counts.
	for (1 .. 60) {
		unlink glob "$db*";
		$r = check($db, @count_only, '-t', $timeout, '-w', 'messages=99999', '-c', 'messages=99999', $spool);
		$staged = -s $db && sql($db, 'pragma user_version') ? sql($db, 'select count(*) from staged') : 0;
		last if $staged > 0 || $r->{status} == 0;
		is($r->{status}, 3, "no answer in $timeout s: UNKNOWN");
		$timeout *= 1.25;
	}
	cmp_ok($staged, '>', 0, "cut short at $timeout s: $staged messages are kept");
	is($r->{status}, 3, 'UNKNOWN, with every check but one switched off');
	like($r->{out}, qr/\ASPOOL UNKNOWN - .*(?:not read to the end|no answer) within/, 'that says why');
	is(perf($r->{out})->{exim_messages}, 'U', 'and no number');
	is(sql($db, 'select count(*) from message'), 0, 'nothing is published');
	$r = check($db, @count_only, '-t', $timeout, '-c', 'messages=10', $spool);
	is($r->{status}, 2, 'what was counted is enough to be CRITICAL');
	like($r->{out}, qr/at least: [\d,]+ messages queued/, 'as a lower bound');

	$staged = sql($db, 'select count(*) from staged');
	my ($gone) = glob "$spool/input/*-H";
	my $id = $gone =~ s{.*/}{}r =~ s/-H$//r;
	unlink glob "$spool/*/$id*";
	$r = check($db, @count_only, '-v', '-t', 600, '-w', 'messages=99999', '-c', 'messages=99999', $spool);
	is($r->{status}, 0, 'with more time it is OK');
	my ($over) = $r->{out} =~ /^([\d,]+) messages of these were read by earlier checks$/m;
	$over =~ s/,//g;
	cmp_ok($over, '>=', $staged - 1, "the $staged messages were not read again");
	cmp_ok($over, '<=', $staged, 'but for the one that has gone');
	is(sql($db, 'select count(*) from staged') . sql($db, 'select count(*) from unfinished'), '00', 'nothing is left over');
	scan_of("$dir/whole.db", $spool);
	my ($got, $want) = map { join "\n", sort map { JSON::PP->new->canonical->encode($_) } listing($_) } $db, "$dir/whole.db";
	ok($got eq $want, 'the index is the one that an undisturbed scan makes');
};

subtest 'kept rows: another zone, another program, damage' => sub {
	my $spool = "$dir/cold";
	my $db = "$dir/kept.db";
	put("$dir/few", 6);
	scan_of($db, "$dir/few");
	sql($db, "insert into spool(kind, root) values('exim', '$spool')");
	my $keep = sub { sql($db, "insert into unfinished select id, $_[0], 'UTC', 0 from spool where root = '$spool'; " .
	    "insert into staged(spool, fp, record) select id, 1, x'00' from spool where root = '$spool'") };
	$keep->(99);
	is(check($db, @count_only, '-t', 600, '-c', 'messages=0:999999', '-w', 'messages=', $spool)->{status}, 0, 'of another encoding: not used');
	is(sql($db, 'select count(*) from staged'), 0, 'and dropped');
	$keep->(1);
	is(check($db, @count_only, '-t', 600, '-c', 'messages=0:999999', '-w', 'messages=', $spool)->{status}, 0, 'of a message that is not there: not used');
	# the fingerprint of a message that is there, and a record that is none
	my $broken = put("$dir/broken", 3);
	scan_of($db, $broken);
	sql($db, "insert into unfinished select id, 1, 'UTC', 0 from spool where root = '$broken'; insert into staged(spool, fp, record) " .
	    "select spool, fp, x'0102' from message where spool = (select id from spool where root = '$broken'); delete from recipient where message in " .
	    "(select id from message where spool = (select id from spool where root = '$broken')); delete from message where spool = (select id from spool where root = '$broken')");
	my $r = check($db, $broken);
	is($r->{status}, 2, 'a record that is none');
	like($r->{out}, qr/what an earlier scan had read is damaged/, 'is said');
	is(check($db, $broken)->{status}, 0, 'and the next check reads all anew');
};

subtest 'a system call that hangs' => sub {
	my $fault = fault_program() or plan skip_all => 'no build/spoolsweep-fault: make check builds it';
	my $spool = put("$dir/hang", 9);
	local $ENV{SPOOLSWEEP_FAULT_LOG} = "$dir/hang.log";
	my $run = sub {
		my $out = `'$fault' --index '$dir/hang.db' check @quiet $_[0] '$spool' 2>/dev/null`;
		return ($? >> 8, $out);
	};
	is(($run->('-t 600'))[0], 0, 'without a fault it is OK');
	my @line = map { [split /\t| /] } split /\n/, slurp("$dir/hang.log");
	my ($in_folder) = grep { $_->[1] eq 'sys_dir_next' } reverse @line;
	ok($in_folder, 'there is a call that reads a folder');
	delete $ENV{SPOOLSWEEP_FAULT_LOG};
	local $ENV{SPOOLSWEEP_FAULT_RUN} = 'echo $$ >' . "$dir/sleeper; exec sleep 600 >/dev/null 2>&1";
	for my $case (['', 3, qr/UNKNOWN/], ['-c messages=4', 2, qr/CRITICAL - at least: \d messages queued/]) {
		my ($args, $want, $says) = @$case;
		unlink glob "$dir/hang.db*";
		local $ENV{SPOOLSWEEP_FAULT} = "$in_folder->[0]:run";
		my ($status, $out) = $run->("-t 3 $args");
		kill 'KILL', slurp("$dir/sleeper") =~ /(\d+)/ if -s "$dir/sleeper";
		is($status, 3, "it hangs in the last folder: UNKNOWN") if !$args;
		like($out, qr/no answer within 3 s/, 'said by the watchdog') or diag $out;
	}
};

my @list = split /\n/, sweep('check', '--list')->{out};
is(scalar @list, 1 + @names, '--list has every check');
is_deeply([map { (split)[0] } @list[1 .. $#list]], [sort { 0 } map { (split)[0] } @list[1 .. $#list]], 'by name');
is_deeply([sort map { $_->{check} } json_lines(sweep('check', '--list', '--json')->{out})], [sort @names], 'as JSON too');

done_testing();
