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
	like(check("$dir/quiet.db", '--metrics', '', $spool)->{out}, qr/\ASPOOL UNKNOWN - .*--metrics needs the name of a file$/m, 'metrics need a name');
	$r = check("$dir/quiet.db", '-v', "exim:$spool");
	is($r->{out} =~ tr/\n//, 1 + @names + 1, '-v: a line a check, and the account');
	is(($r->{out} =~ tr/|//), 1, 'and no second bar');
	like($r->{out}, qr/^\[OK\] oldest: exim: oldest message 4 min old \[warning 6d, critical 14d\]$/m, 'ranges with units');
	like($r->{out}, qr/^\[OK\] growth: exim: too few earlier scans/m, 'no name twice');
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
	my $odd = is_windows() ? "$dir/it's=a%spool" : "$dir/it's=a|spool";	# Windows has no | in a name
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
	$r = check("$dir/none.db", '-c', 'messages=3', "$dir/quiet", "exim:$dir/nowhere");
	is($r->{status}, 2, 'beside one that is CRITICAL: CRITICAL');
	like($r->{out}, qr/\ASPOOL CRITICAL - [^|]*4 messages queued[^|]*No such file/, 'and both are said');
	make_path("$dir/plain");
	is(check("$dir/none.db", "$dir/plain")->{status}, 3, 'a folder that is no spool');
	SKIP: {
		skip 'Wine follows links', 2 if is_windows();
		my $spool = put("$dir/part", 5);
		rename "$spool/input", "$spool-input" or die;
		symlink "$spool-input", "$spool/input" or die;
		$r = check("$dir/part.db", $spool);
		is($r->{status}, 3, 'a queue that is a link');
		is(perf($r->{out})->{exim_messages}, 'U', 'is U');
	}
	SKIP: {
		skip 'other users are not played under Wine', 3 if is_windows();
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
		like($row{messages}{text}, qr/not wholly read: [a-z(]/, 'the queue is named as people write it');
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
		skip 'the program under Wine sees no mount of ours', 4 if is_windows();
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

mkspool('exim', "$dir/cold", is_windows() ? 200 : 6000);		# Wine looks through the folder for each new name

subtest 'a time limit: what was read is kept, and never OK' => sub {
	plan skip_all => 'a program needs a tenth of a second to start under Wine, or three: no limit falls into the scan' if is_windows();
	my ($spool, $db) = ("$dir/cold", "$dir/cold.db");
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
	# This run may be slower than the one before.
	for (1 .. 60) {
		$r = check($db, @count_only, '-t', $timeout, '-c', 'messages=10', $spool);
		last if $r->{status} != 3;
		$timeout *= 1.25;
	}
	is($r->{status}, 2, 'what was counted is enough to be CRITICAL');
	like($r->{out}, qr/at least: [\d,]+ messages queued/, 'as a lower bound');

	$staged = sql($db, 'select count(*) from staged');
	my ($gone) = glob "$spool/input/*-H";
	my $id = $gone =~ s{.*/}{}r =~ s/-H$//r;
	unlink glob "$spool/*/$id*";
	$r = check($db, @count_only, '-v', '-t', 600, '-w', 'messages=99999', '-c', 'messages=99999', $spool);
	is($r->{status}, 0, 'with more time it is OK');
	my ($over) = $r->{out} =~ /^([\d,]+) (?:messages of these were|message of these was) read by earlier checks$/m;
	$over =~ s/,//g;
	cmp_ok($over, '>=', $staged - 1, "the $staged messages were not read again");
	cmp_ok($over, '<=', $staged, 'but for the one that has gone');
	is(sql($db, 'select count(*) from staged') . sql($db, 'select count(*) from unfinished'), '00', 'nothing is left over');
	scan_of("$dir/whole.db", $spool);
	my ($got, $want) = map { join "\n", sort map { JSON::PP->new->canonical->encode($_) } listing($_) } $db, "$dir/whole.db";
	ok($got eq $want, 'the index is the one that an undisturbed scan makes');
};

# A file as the shell of the system calls it.
sub local_name { my ($path) = @_; return is_windows() ? "Z:$path" =~ tr{/}{\\}r : $path }

# A folder as the index has it.
sub root_of { my ($path) = @_; return is_windows() ? "Z:$path" : $path }

subtest 'kept rows: another zone, another program, damage' => sub {
	my $spool = "$dir/cold";
	my $db = "$dir/kept.db";
	my $root = root_of($spool);
	put("$dir/few", 6);
	scan_of($db, "$dir/few");
	sql($db, "insert into spool(kind, root) values('exim', '$root')");
	my $keep = sub { sql($db, "insert into unfinished select id, $_[0], 'UTC', 0 from spool where root = '$root'; " .
	    "insert into staged(spool, fp, record) select id, 1, x'00' from spool where root = '$root'") };
	$keep->(99);
	is(check($db, @count_only, '-t', 600, '-c', 'messages=0:999999', '-w', 'messages=', $spool)->{status}, 0, 'of another encoding: not used');
	is(sql($db, 'select count(*) from staged'), 0, 'and dropped');
	my ($format) = slurp(top_dir() . '/index/stage.h') =~ /STAGE_FORMAT (\d+)/;
	$keep->($format);
	is(check($db, @count_only, '-t', 600, '-c', 'messages=0:999999', '-w', 'messages=', $spool)->{status}, 0, 'of a message that is not there: not used');
	# the fingerprint of a message that is there, and a record that is none
	my $broken = put("$dir/broken", 3);
	$root = root_of($broken);
	scan_of($db, $broken);
	sql($db, "insert into unfinished select id, $format, 'UTC', 0 from spool where root = '$root'; insert into staged(spool, fp, record) " .
	    "select spool, fp, x'0102' from message where spool = (select id from spool where root = '$root'); delete from recipient where message in " .
	    "(select id from message where spool = (select id from spool where root = '$root')); delete from message where spool = (select id from spool where root = '$root')");
	my $r = check($db, $broken);
	is($r->{status}, 2, 'a record that is none');
	like($r->{out}, qr/what an earlier scan had read is damaged/, 'is said');
	is(check($db, $broken)->{status}, 0, 'and the next check reads all anew');
};

subtest 'a system call that hangs' => sub {
	my $fault = fault_program() or plan skip_all => 'no build/spoolsweep-fault: make check builds it';
	my $spool = put("$dir/hang", 9);
	system('mkfifo', "$dir/never") == 0 or die;
	my $never;		# what sleeps on Windows ends with it
	my $run = sub {
		open $never, '+<', "$dir/never" or die $!;
		my %io = (in => "$dir/never", out => "$dir/hang.out", err => "$dir/hang.err");
		my $status = finish(begin(\%io, $fault, '--index', "$dir/hang.db", 'check', @quiet, split(' ', $_[0]), $spool));
		return ($status >> 8, slurp("$dir/hang.out"));
	};
	# the last call that reads a folder, in a run that nothing disturbs
	my $in_folder = sub {
		local $ENV{SPOOLSWEEP_FAULT_LOG} = "$dir/hang.log";
		unlink "$dir/hang.log";
		is(($run->('-t 600'))[0], 0, 'without a fault it is OK');
		my ($last) = grep { $_->[1] eq 'sys_dir_next' } map { [split /\t| /] } reverse split /\n/, slurp("$dir/hang.log");
		ok($last, 'there is a call that reads a folder');
		return $last->[0];
	};
	my ($fresh, $again) = ($in_folder->(), $in_folder->());
	local $ENV{SPOOLSWEEP_FAULT_RUN} = is_windows() ? local_name("$ENV{WIN_BUILD}/hold.exe") . ' rwd ' . local_name("$dir/hang.log") . ' >nul 2>nul' :
	    'echo $$ >' . "$dir/sleeper; exec sleep 600 >/dev/null 2>&1";
	unlink glob "$dir/hang.db*";
	local $ENV{SPOOLSWEEP_FAULT} = "$fresh:run";
	my ($status, $out) = $run->('-t 8');
	my $wake = sub {
		kill 'KILL', slurp("$dir/sleeper") =~ /(\d+)/ if -s "$dir/sleeper";
		close $never;
	};
	$wake->();
	is($status, 3, 'it hangs in the last folder: UNKNOWN');
	like($out, qr/no answer within 8 s/, 'said by the watchdog') or diag $out;

	# what was CRITICAL has not become better because nobody could look
	my @critical = ('-c', 'account_messages=8');
	unlink glob "$dir/hang.db*";
	is(check("$dir/hang.db", @critical, $spool)->{status}, 2, 'CRITICAL while it can be read');
	local $ENV{SPOOLSWEEP_FAULT} = "$again:run";
	($status, $out) = $run->("-t 8 @critical");
	$wake->();
	is($status, 2, 'CRITICAL while it hangs') or diag $out;
	like($out, qr/\ASPOOL CRITICAL - .* ago, and not read since: info\@shop\.example queued 9/, 'as it was found');
	is(perf($out)->{exim_account_messages}, 'U', 'its number is not known now');
	($status, $out) = $run->('-t 8 -c account_messages=9');
	$wake->();
	is($status, 3, 'judged by the range of now');
	scan_of("$dir/hang.db", $spool);
	($status, $out) = $run->("-t 8 @critical");
	$wake->();
	is($status, 3, 'a scan that was published since ends it');
};

subtest 'the metrics file' => sub {
	my $promtool = top_dir() . '/build/mta/promtool/bin/promtool';
	my $file = "$dir/spoolsweep.prom";
	my $two = is_windows() ? "$dir/with 'quotes'" : "$dir/with \"quotes\" and \\";	# Windows has no " in a name, and no \
	put($two, 2);
	my $r = check("$dir/quiet.db", '--metrics', $file, "$dir/quiet", $two);
	is($r->{status}, 0, 'written');
	my $text = local_paths(slurp($file));
	like($text, qr/^spoolsweep_messages\{kind="exim",spool="\Q$dir\E\/quiet"\} 4$/m, 'with the number');
	my $label = $two =~ s/(["\\])/\\$1/gr;
	like($text, qr/^spoolsweep_messages\{kind="exim",spool="\Q$label\E"\} 2$/m, 'labels are escaped');
	like($text, qr/^spoolsweep_account_messages\{kind="exim",spool="[^"]*quiet",rank="1"\} 4$/m, 'accounts by rank');
	my ($at) = $text =~ /^spoolsweep_last_success_timestamp_seconds\{kind="exim",spool="[^"]*quiet"\} (\d+)$/m;
	cmp_ok(abs($at - time), '<', 700, 'the last success');
	unlike($text, qr/@|shop\.example/, 'no address, no domain');
	SKIP: {
		skip 'modes are POSIX', 1 if is_windows();
		is(sprintf('%o', (stat $file)[2] & 07777), '644', 'the collector can read it');
	}
	check("$dir/quiet.db", '--metrics', $file, '--metrics-domains', "$dir/quiet");
	like(slurp($file), qr/^spoolsweep_domain_messages\{kind="exim",spool="[^"]*quiet",domain="shop\.example"\} 4$/m, '--metrics-domains opts in');
	my $again = check("$dir/quiet.db", '--metrics', $file, "$dir/quiet", "$dir/./quiet/", "exim:$dir/quiet");
	is(() = slurp($file) =~ /^spoolsweep_messages\{/mg, 1, 'a spool that is given three times is one sample');
	is(() = $again->{out} =~ /'exim_messages'=4;/g, 1, '  and judged once') or diag($again->{out});
	check("$dir/none.db", '--metrics', $file, "exim:$dir/nowhere");
	$text = slurp($file);
	unlike($text, qr/^spoolsweep_messages\{/m, 'what is not known has no sample');
	like($text, qr/^spoolsweep_state 3$/m, 'but a state');
	is_deeply([glob "$dir/spoolsweep.prom.*"], [], 'no temporary file is left');
	$r = check("$dir/quiet.db", '--metrics', "$dir/absent/x.prom", "$dir/quiet");
	is($r->{status}, 3, 'one that cannot be written: UNKNOWN');
	like($r->{out}, qr/no metrics: .*absent.*: No such file/, 'and said');
	like($r->{out}, qr/\ASPOOL UNKNOWN - no metrics/, 'alone on the line when all else is well');
	like(check("$dir/quiet.db", '--metrics', '-', "$dir/quiet")->{out}, qr/no metrics: --metrics needs the name of a file/, 'standard output is no file');
	SKIP: {
		skip 'no promtool: make deps unpacks it', 2 if !-x $promtool;
		my @state = (['quiet', 0], ['burst', 2]);
		for my $s (@state) {
			my $hostile = $s->[0] eq 'burst' ? $two : '';
			check("$dir/quiet.db", '--metrics', $file, '--metrics-domains', "$dir/$s->[0]", $hostile || ());
			my $said = `'$promtool' check metrics <'$file' 2>&1`;
			is("$?: $said", '0: ', "promtool has nothing to say of $s->[0]");
		}
	}
};

subtest 'alerts' => sub {
	my ($spool, $db) = (put("$dir/alert", 3), "$dir/alert.db");
	spew("$dir/tell", "#!/bin/sh\necho \"\$SPOOLSWEEP_STATE \$#\" >>'$dir/told'; cat >'$dir/stdin'\nexit \$(cat '$dir/exit')\n", 0755);
	spew("$dir/exit", "0\n");
	spew("$dir/told", '');
	my @alert = ('--on-alert', is_windows() ? '"' . local_name("$ENV{WIN_BUILD}/tell.exe") . '" "' . local_name($dir) . '" fixed' : "'$dir/tell' fixed", '-w', 'messages=');
	my $told = sub { my @t = split /\n/, slurp("$dir/told"); spew("$dir/told", ''); return "@t" };
	is(check($db, @alert, $spool)->{status}, 0, 'OK');
	is($told->(), '', 'is not told the first time');
	my $r = check($db, @alert, '-c', 'messages=2', $spool);
	is($told->(), 'CRITICAL 1', 'a change is, with no argument but its own');
	my %row = map { $_->{check} => $_ } json_lines(slurp("$dir/stdin"));
	is_deeply([sort keys %row], [sort @names], 'the JSON of every check is on its stdin');
	is($row{messages}{state}, 'CRITICAL', 'with the states');
	unlike($r->{out}, qr/CRITICAL 1/, 'what the command prints is no output of the plugin');
	check($db, @alert, '-c', 'messages=2', $spool);
	is($told->(), '', 'once');
	check($db, @alert, '-c', 'messages=2', '--repeat', '1h', $spool);
	is($told->(), '', 'not yet again');
	sql($db, 'update alert set told = told - 3601000000');
	check($db, @alert, '-c', 'messages=2', $spool);
	is($told->(), '', 'without --repeat never again');
	check($db, @alert, '-c', 'messages=2', '--repeat', '1h', $spool);
	is($told->(), 'CRITICAL 1', 'with it after its time');
	sql($db, 'update alert set told = told + 86400000000');
	check($db, @alert, '-c', 'messages=2', '--repeat', '1h', $spool);
	is($told->(), 'CRITICAL 1', 'a clock that was set back does not silence it');
	spew("$dir/exit", "1\n");
	$r = check($db, @alert, $spool);
	is($told->(), 'OK 1', 'back to OK is told');
	is($r->{status}, 0, 'a command that fails does not change the state');
	like($r->{err}, qr/--on-alert: .*exit 1; the next check tries again/, 'but is said');
	spew("$dir/exit", "0\n");
	check($db, @alert, $spool);
	is($told->(), 'OK 1', 'and tried again');
	check($db, @alert, $spool);
	is($told->(), '', 'until it succeeds');
	# a spool that cannot be opened goes by the same name
	rename $spool, "$spool.away" or die;
	$r = check($db, @alert, $spool);
	is($told->(), 'UNKNOWN 1', 'a spool that is away is told');
	is(perf($r->{out})->{exim_messages}, 'U', 'by its label');
	check($db, @alert, "$dir/./alert/");
	is($told->(), '', 'once, however it is written');
	rename "$spool.away", $spool or die;
	check($db, @alert, $spool);
	is($told->(), 'OK 1', 'that it is back, too');
	rename $spool, "$spool.away" or die;
	check($db, @alert, $spool);
	is($told->(), 'UNKNOWN 1', 'and when it goes again');
	rename "$spool.away", $spool or die;
	check($db, @alert, $spool);
	$told->();
	# the verdict stands before the command runs, and a command that hangs holds it for a bounded time
	my ($seen, $line) = ("$dir/seen", "$dir/line");
	my $show = is_windows() ? 'type "' . local_name($line) . '" >"' . local_name($seen) . '"' : "cat '$line' >'$seen'";
	my $sleep = is_windows() ? '"' . local_name("$ENV{WIN_BUILD}/tell.exe") . '" sleep' : 'exec sleep 300';
	finish(begin({ out => $line, err => "$dir/line.err" }, $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep', '--index', "$dir/order.db", 'check', @quiet,
	    '-c', 'messages=2', '--on-alert', $show, $spool));
	like(slurp($seen), qr/\ASPOOL CRITICAL - .*\n\z/, 'the line is out before the command runs');
	# found before, and not told, for that command failed: what was CRITICAL stays so when the time is over before the spool is read
	$r = check("$dir/hold.db", '-c', 'messages=2', '--on-alert', 'exit 1', $spool);
	is($r->{status}, 2, 'CRITICAL');
	$r = sweep({ index => "$dir/hold.db" }, 'check', @quiet[2 .. $#quiet], '-t', 4, '-c', 'messages=2', '--on-alert', $sleep, $spool);
	is($r->{status}, 2, 'a command that hangs does not change the state');
	like($r->{err}, qr/--on-alert: .*\bsleep\b.*: not done in 5 s; the next check tries again/, 'and is ended after 5 s when --timeout leaves less');
	check($db, '--on-alert', is_windows() ? 'exit 0' : 'exec <&-; exit 0', '-w', 'messages=1', $spool);
	is(sql($db, "select state, told > 0 from alert where about = 'exim:@{[ root_of($spool) ]}'"), '1|1', 'a command need not read');
	# the index cannot be asked what was told: too often is better than never
	check("$dir/foreign.db", @alert, $spool) for 1, 2;
	is($told->(), 'CRITICAL 1 CRITICAL 1', 'without an index it is told each time');
};

subtest 'an index that another program keeps locked' => sub {
	plan skip_all => 'a lock of sqlite3 here is none under Wine' if is_windows();
	my ($spool, $db) = (put("$dir/exclusive", 2), "$dir/exclusive.db");
	sweep_ok({ index => $db, status => [0] }, 'scan', $spool);
	sql($db, 'pragma journal_mode = delete');
	open my $lock, '|-', 'sqlite3', $db or die;
	$lock->autoflush(1);
	print $lock "begin exclusive;\n.shell touch '$dir/is-locked'\n";
	for (1 .. 300) {
		last if -e "$dir/is-locked";
		select undef, undef, undef, 0.1;
	}
	# it would be waited for a minute
	my $r = sweep({ index => $db, wrap => [qw(timeout 45)] }, 'check', '-t', 2, '--on-alert', "cat >'$dir/late'", $spool);
	is($r->{status}, 3, 'it is UNKNOWN, and the process ends');
	like($r->{out}, qr/\ASPOOL UNKNOWN - no answer within 2 s/, 'is said');
	like(slurp("$dir/late"), qr/"state":"UNKNOWN"/, 'and so it is to the command of alerts');
	print $lock "rollback;\n";
	close $lock;
};

subtest 'history: the same hour and weekday, by median' => sub {
	my ($spool, $db) = (put("$dir/grown", 300), "$dir/grown.db");
	# a zone in which it is half past: no hour begins while this runs
	my $ahead = $now % 3600 - 1800;
	local $ENV{TZ} = sprintf 'SWP%s0:%02d:%02d', $ahead < 0 ? '-' : '+', abs($ahead) / 60, abs($ahead) % 60;
	my @args = (@count_only, '-w', 'messages=', '-c', 'messages=', '-w', 'growth=~:6', '-c', 'growth=~:20');
	scan_of($db, $spool);
	my $hour = 3600 * 1000000;
	# totals and all, as if scanned then: n messages, weeks ago, and an offset in microseconds
	my $past = sub {
		my ($n, $weeks, $offset) = @_;
		sql($db, "insert into scan(spool, started, finished, messages, seconds, unknown) select 1, started - $weeks * 168 * $hour + ($offset), " .
		    "finished - $weeks * 168 * $hour, $n, 0, '[]' from scan where id = 1; update scan set totals = id where totals is null; " .
		    "insert into total select max(id), 'account', 'auth', 'info\@shop.example', $n, 0, 0 from scan");
	};
	my $growth = sub { my %row = rows($db, @args, $spool); return $row{growth} };
	is($growth->()->{value}, undef, 'no history: not known');
	is($growth->()->{state}, 'OK', 'which is not UNKNOWN');
	$past->(12, $_, 0) for 1 .. 2;
	is($growth->()->{value}, undef, 'two values are too few');
	$past->(5000, $_, 30 * $hour) for 1 .. 4;
	is($growth->()->{value}, undef, 'other hours and days say nothing');
	$past->(5000, 3, 0);
	$past->(11, $_, 0) for 4 .. 6;
	my $g = $growth->();
	is($g->{value}, 11.5, 'messages above the median, in usual deviations of 25 at least');
	is($g->{state}, 'WARNING', 'is judged');
	like($g->{text}, qr/usually 12 at this hour and weekday/, 'one incident of the past does not move the median');
	my %row = rows($db, $spool);
	is($row{account_messages}{usual}, 12, 'the usual number of an account, too');
	like($row{account_messages}{text}, qr/queued 300 .*\(usual 12\)/, 'in its sentence');
	sql($db, "update scan set started = started + 20 * 168 * $hour, finished = finished + 20 * 168 * $hour where id > 1 and messages <> 300");
	is($growth->()->{value}, undef, 'what is dated in the future, before the clock was set back, says nothing');
	%row = rows($db, '-w', 'scan_age=1h', $spool);
	is($row{scan_age}{state}, 'OK', 'nor does it make the last scan old');
	unlike($row{scan_age}{text}, qr/ahead/, 'the last scan is the one made last, not the one with the latest date');
};

subtest 'new accounts' => sub {
	my ($spool, $db) = (put("$dir/new", 2), "$dir/new.db");
	put($spool, 1, account => "new$_\@shop.example") for 1 .. 3;
	my %row = rows($db, '-c', 'new_accounts=0', $spool);
	is($row{new_accounts}{value}, undef, 'everything is new in a fresh index: not judged');
	sql($db, 'update scan set started = started - 8 * 86400 * 1000000');
	sql($db, "update account set first_seen = first_seen - 8 * 86400 * 1000000 where key = 'info\@shop.example'");
	%row = rows($db, '-c', 'new_accounts=2', $spool);
	is_deeply([@{ $row{new_accounts} }{qw(value state)}], [3, 'CRITICAL'], 'those that were first seen today');
	like($row{new_accounts}{text}, qr/new\d\@shop\.example/, 'by name');
};

subtest 'at the same time' => sub {
	my ($spool, $db) = (put("$dir/lock", 5), "$dir/lock.db");
	scan_of($db, $spool);
	# somebody holds the lock of scans
	my $pid = fork;
	if ($pid == 0) {
		open my $f, '+<', "$db.scan" or die;
		flock $f, 2;
		spew("$dir/locked", '');
		sleep 600;
		exit;
	}
	select undef, undef, undef, 0.05 until -e "$dir/locked";
	put($spool, 1);
	my $r = check($db, '-t', 12, $spool);
	SKIP: {
		skip 'the lock is of another kind here', 4 if $r->{out} =~ /6 messages/;
		is(perf($r->{out})->{exim_messages}, 5, 'another scan at work: the last published one is judged');
		like("$r->{status} $r->{out}", qr/\A0 .*judged by the scan of \d+ s ago, since another scan \(process \d+\) is at work/, 'when it is fresh');
		sql($db, 'update scan set finished = finished - 3600000000');
		$r = check($db, '-t', 12, $spool);
		is($r->{status}, 3, 'else UNKNOWN');
		is(check($db, '-t', 12, '-c', 'messages=4', $spool)->{status}, 2, 'or CRITICAL by the count');
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;

	# a plan that holds messages
	sweep_ok({ index => $db, status => [0] }, 'scan', $spool);
	sweep_ok({ index => $db }, 'hold', '--all', '--execute', '--limit', 2);
	my %row = rows($db, $spool);
	is($row{unfinished}{state}, 'OK', 'messages that are just held');
	like($row{unfinished}{text}, qr/plan \d+ holds 2 messages/, 'are said');
	sql("$dir/journal.db", 'update plan set started = started - 2 * 3600 * 1000000');
	%row = rows($db, $spool);
	is($row{unfinished}{state}, 'WARNING', 'for two hours: a warning');
	sql("$dir/journal.db", 'update plan set started = started - 25 * 3600 * 1000000');
	%row = rows($db, $spool);
	is($row{unfinished}{state}, 'CRITICAL', 'for more than a day: critical');
};

my @list = split /\n/, sweep('check', '--list')->{out};
is(scalar @list, 1 + @names, '--list has every check');
is_deeply([map { (split)[0] } @list[1 .. $#list]], [sort { 0 } map { (split)[0] } @list[1 .. $#list]], 'by name');
is_deeply([sort map { $_->{check} } json_lines(sweep('check', '--list', '--json')->{out})], [sort @names], 'as JSON too');

done_testing();
