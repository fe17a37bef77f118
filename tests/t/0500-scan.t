# The index: what a scan publishes, keeps, marks gone, refuses; kills, locks, full and read-only disks.
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path remove_tree);
use POSIX ();
use Sweep;

my $dir = work_dir();
my $index = "$dir/index.db";
my $spool = "$dir/pf";
mkspool('--seed', 5, '--truth', "$dir/truth", 'postfix', $spool, 300);
my @truth = read_truth("$dir/truth");

sub sql {
	my ($db, $text) = @_;
	open my $p, '-|', 'sqlite3', $db, $text or die "sqlite3: $!";
	local $/;
	my $out = <$p>;
	close $p or die "sqlite3 $text: $?";
	$out =~ s{\n\z}{} if defined $out;
	return $out;
}

sub totals {
	my ($s) = @_;
	return join ' ', map { defined $s->{$_} ? $s->{$_} : 'null' } qw(messages new changed unchanged gone);
}

# first scan, re-scan
my ($s) = scan_of($index, "postfix:$spool");
is(totals($s), '300 300 0 0 0', 'a first scan: all are new');
is_deeply($s->{unknown}, [], 'nothing unknown');
is($s->{spool}, $spool, 'the root');
my @before = listing($index);
is(scalar @before, 300, 'list shows them all');
is_deeply([sort map { $_->{id} } @before], [sort map { $_->{id} } @truth], 'the ids that were made');
my $rows = sql($index, 'select group_concat(id || fp) from message');
($s) = scan_of($index, "postfix:$spool");
is(totals($s), '300 0 0 300 0', 'a re-scan: all unchanged');
is(sql($index, 'select group_concat(id || fp) from message'), $rows, 'and no row was written');
($s) = scan_of($index, '--full', "postfix:$spool");
is(totals($s), '300 0 0 300 0', '--full reads again, nothing changed');
is(sql($index, 'select count(distinct totals) from scan'), 1, 'totals are kept once while nothing changes');

# one retried, one gone, one moved, one new
my ($retried, $gone, $moved) = grep { $_->{queue} eq 'deferred' } @before;
my $file = sub { my ($m) = @_; my ($p) = glob("$spool/deferred/*/$m->{id}"); return $p };
my $row_of = sub { sql($index, "select id from message where qid = '$_[0]{id}' and gone_scan is null") };
my ($row_retried, $row_moved) = ($row_of->($retried), $row_of->($moved));
utime 2000000000, 2000000000, $file->($retried) or die;
unlink $file->($gone), glob("$spool/defer/*/$gone->{id}");
rename $file->($moved), "$spool/hold/$moved->{id}" or die;
($s) = scan_of($index, "postfix:$spool");
is(totals($s), '299 0 2 297 1', 'retried and moved are changed, one is gone');
is($row_of->($retried), $row_retried, 'a retried message keeps its row');
is($row_of->($moved), $row_moved, 'a moved message keeps its row');
is((grep { $_->{id} eq $moved->{id} } listing($index))[0]{state}, 'held', 'and has its new state');
is(scalar(grep { $_->{id} eq $gone->{id} } listing($index)), 0, 'a gone message is not listed');
is(sql($index, "select state from v_message where id = '$gone->{id}'"), 'gone', 'but kept as history');
ok(sql($index, 'select count(*) from total') > 3, 'totals by queue, account and domain are kept');

# a FIFO as index or journal would be waited for
SKIP: {
	skip 'no FIFOs on Windows', 4 if is_windows();
	make_path("$dir/fifo");
	POSIX::mkfifo("$dir/fifo/$_", 0600) or die for qw(index.db journal.db);
	for my $args (['scan', "postfix:$spool"], ['list'], ['check', "postfix:$spool"]) {
		my $got = sweep({ index => "$dir/fifo/index.db", wrap => [qw(timeout 60)] }, @$args);
		like($got->{out} . $got->{err}, qr/index .* is no regular file/, "$args->[0]: an index that is a FIFO is refused");
	}
	like(sweep({ index => "$dir/fifo/none.db", wrap => [qw(timeout 60)] }, 'plans')->{err}, qr/journal .* is no regular file/, 'and such a journal');
}

# an index of something else, of a newer program, no index
spew("$dir/text.db", 'this is no database, and it is long enough to be looked at' x 20);
my $r = sweep({ index => "$dir/text.db" }, 'scan', "postfix:$spool");
is($r->{status}, 1, 'a file that is no database is refused');
like($r->{err}, qr/not an index of spoolsweep/, 'and named');
is(slurp("$dir/text.db"), 'this is no database, and it is long enough to be looked at' x 20, 'and not touched');
sql("$dir/other.db", 'create table mine(a); insert into mine values(1)');
my $other = slurp("$dir/other.db");
is(sweep({ index => "$dir/other.db" }, 'scan', "postfix:$spool")->{status}, 1, "another program's database is refused");
is(slurp("$dir/other.db"), $other, 'and not touched');
sql($index, 'pragma wal_checkpoint(truncate)');
system('cp', $index, "$dir/newer.db");
sql("$dir/newer.db", 'pragma user_version = 99');
$r = sweep({ index => "$dir/newer.db" }, 'list');
is($r->{status}, 1, 'a newer index is refused');
like($r->{err}, qr/version 99\b.*version \d+\b/, 'with both versions');
$r = sweep({ index => "$dir/none.db" }, 'list');
is($r->{status}, 1, 'no index yet');
like($r->{err}, qr/scan/, 'says what to do');
ok(!-e "$dir/none.db", 'and makes none');

# a spool that is not there, that is none
is(sweep({ index => $index }, 'scan', "postfix:$dir/nowhere")->{status}, 1, 'a DIR that cannot be read is exit 1');
make_path("$dir/plain/folder");
$r = sweep({ index => $index }, 'scan', "$dir/plain");
is($r->{status}, 64, 'a DIR that is no spool is exit 64');
like($r->{err}, qr/looked for/, 'and says what was looked for');

# killed at random moments: the old index is whole
# A file costs Wine twenty times as much, and a start a fifth of a second.
my $big = is_windows() ? 1500 : 6000;
my $tick = is_windows() ? 0.15 : 0.02;
mkspool('--seed', 6, is_windows() ? '--fast' : (), 'postfix', "$dir/big", $big);
scan_of("$dir/kill.db", "postfix:$dir/big");
my $was = sql("$dir/kill.db", 'select count(*), total(fp) from message');
my $killed = 0;
for my $round (1 .. 12) {
	my $pid = fork;
	if ($pid == 0) {
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		exec $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep', '--index', "$dir/kill.db", 'scan', '--full',
		    "postfix:$dir/big";
	}
	select undef, undef, undef, $tick * $round;
	$killed += kill 'KILL', $pid;
	waitpid $pid, 0;
	is(sql("$dir/kill.db", 'pragma integrity_check'), 'ok', "kill $round: the index is whole");
	is(sql("$dir/kill.db", 'select count(*), total(fp) from message'), $was, "kill $round: and has what it had");
}
ok($killed > 3, "$killed scans were killed");

# killed in the load of a new index: it stays empty and whole, and the next scan fills it
$killed = 0;
for my $round (1 .. 8) {
	unlink glob("$dir/new.db*");
	my $pid = fork;
	if ($pid == 0) {
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		exec $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep', '--index', "$dir/new.db", 'scan', "postfix:$dir/big";
	}
	select undef, undef, undef, $tick * $round;
	$killed += kill 'KILL', $pid;
	waitpid $pid, 0;
	next if !-s "$dir/new.db" || sql("$dir/new.db", 'pragma user_version') == 0;
	is(sql("$dir/new.db", 'pragma integrity_check'), 'ok', "kill $round of a first scan: the index is whole");
	like(sql("$dir/new.db", 'select (select count(*) from message), (select count(*) from text)'), qr/^(?:0\|0|$big\|)/, "kill $round of a first scan: all or nothing is in it");
}
($s) = scan_of("$dir/new.db", "postfix:$dir/big");
is($s->{messages}, $big, "a scan after $killed kills finds all");
is_deeply([glob("$dir/.spoolsweep-stage*")], [], 'no temporary file is left');

# two at once: the second waits, both are right; also while the file is made
sub three_scans {
	my ($db, $spool) = @_;
	my @p = map { begin({ err => "$dir/three.$_" }, $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep', '--index', $db, 'scan', '-q', "postfix:$spool") } 1 .. 3;
	my @status = map { finish($_) >> 8 } @p;
	print STDERR map { slurp("$dir/three.$_") } 1 .. 3;
	return \@status;
}
my $few = is_windows() ? "$dir/few" : $spool;
mkspool('postfix', $few, 30) if is_windows();
for my $new (1 .. 20) {
	is_deeply(three_scans("$dir/new$new.db", $few), [0, 0, 0], "three make an index, $new");
}
{
	is_deeply(three_scans("$dir/two.db", "$dir/big"), [0, 0, 0], 'three scans at once end well');
	is(sql("$dir/two.db", 'select count(*) from message'), $big, 'and no message stands twice');
}

# readers see the old snapshot while a scan publishes
{
	sql($index, 'pragma wal_checkpoint(truncate)');
	my $n = scalar listing($index);
	open my $lock, '|-', 'sqlite3', $index or die;
	$lock->autoflush(1);
	print $lock "begin immediate; delete from recipient;\n.shell touch '$dir/locked'\n";
	select undef, undef, undef, 0.05 until -e "$dir/locked";
	is(scalar listing($index), $n, 'list works while another connection holds the write lock');
	print $lock "rollback;\n";
	close $lock;
}

# an unreadable folder: UNKNOWN, nothing marked gone (as another user: root reads everything)
SKIP: {
	skip 'other users are not played under Wine', 10 if is_windows();
	skip "permission tests need root to become another user", 10 if $> != 0;
	my @as = qw(setpriv --reuid 65534 --regid 65534 --clear-groups --);
	system('chown', '-R', '65534:65534', $dir) == 0 or die;
	my $count = sub { scalar grep { $_->{queue} eq 'deferred' } listing($index) };
	my $n = $count->();
	chmod 0, "$spool/deferred" or die;
	$r = sweep({ index => $index, wrap => \@as }, 'scan', '--json', "postfix:$spool");
	is($r->{status}, 3, 'an unreadable queue: exit 3');
	($s) = json_lines($r->{out});
	is_deeply($s->{unknown}, ['deferred'], 'the queue is unknown');
	is($s->{gone}, 0, 'nothing is marked gone');
	like($r->{err}, qr/deferred.*[Pp]ermission/s, 'stderr says why');
	is($count->(), $n, 'its messages stay in the index');
	$r = sweep({ index => $index }, 'list', '-c');
	is($r->{status}, 3, 'list says that a queue was not wholly read');
	like($r->{err}, qr/deferred/, 'and which');
	is(sweep({ index => $index }, 'list', '-c', '--queue', 'hold')->{status}, 0, 'but not for another queue');
	chmod 0700, "$spool/deferred";
	chmod 0, $spool;
	is(sweep({ index => $index, wrap => \@as }, 'scan', "postfix:$spool")->{status}, 1, 'an unreadable root: exit 1');
	chmod 0700, $spool;
	($s) = scan_of($index, "postfix:$spool");
	is($s->{gone}, 0, 'all is there again');
}

# a full and a read-only disk
SKIP: {
	my $mount = "$dir/small";
	make_path($mount);
	skip 'the program under Wine sees no mount of ours', 10 if is_windows();
	skip 'needs root and a mount namespace', 10 if $> != 0 || system('unshare -m true 2>/dev/null') != 0;
	my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
	my $script = <<'END';
set -u
mount -t tmpfs -o size=600k none "$1" || exit 90
"$2" --index "$1/index.db" scan -q "postfix:$3" >/dev/null 2>"$4.full"; echo $? >>"$4"
"$2" --index "$1/index.db" list -c >>"$4" 2>/dev/null; echo $? >>"$4"
umount "$1"
mount -t tmpfs -o size=50m none "$1" || exit 90
"$2" --index "$1/index.db" scan -q "postfix:$3" >/dev/null; echo $? >>"$4"
"$2" --index "$1/index.db" purge -q --all --limit 7 >/dev/null 2>&1
mount -o remount,ro "$1"
"$2" --index "$1/index.db" plans --json >"$4.plans" 2>&1
"$2" --index "$1/index.db" purge --all --limit 7 --live >/dev/null 2>"$4.hint"
"$2" --index "$1/index.db" list -c >>"$4"
"$2" --index "$1/index.db" scan -q "postfix:$3" >/dev/null 2>"$4.ro"; echo $? >>"$4"
END
	system('unshare', '-m', 'sh', '-c', $script, 'sh', $mount, $program, "$dir/big", "$dir/result") == 0 or die "namespace: $?";
	my @got = split /\n/, slurp("$dir/result");
	is($got[0], 1, 'a full disk: exit 1');
	like(slurp("$dir/result.full"), qr/(?=.*(?:full|No space left)).*--index/s, 'with a clear error that says what to do');
	is($got[-3], 0, 'room again: done');
	is($got[-2], $big, 'a read-only disk: the index can be read');
	is($got[-1], 1, 'but not scanned into');
	like(slurp("$dir/result.plans"), qr/"state":"planned".*"messages":7,/, 'the plans can be read there too');
	like(slurp("$dir/result.hint"), qr/--index \/OTHER-DISK\/.* --all --limit 7 .*--live$/m, 'the command that works has all that was asked for');
	my ($hint) = slurp("$dir/result.hint") =~ /: spoolsweep (--index \/OTHER-DISK\/.*)$/m;
	make_path("$dir/other");
	system('sh', '-c', "exec \"\$0\" --json " . ($hint // '') =~ s/\/OTHER-DISK/$dir\/other/gr . ' >"$1" 2>&1', $program, "$dir/result.other");
	like(slurp("$dir/result.other"), qr/"plan":1,.*"planned":7,/, '  and it works: a new index knows which spools were meant');
	like(slurp("$dir/result.ro"), qr/[Rr]ead-only|readonly/, 'which is said');

	# setrlimit(2): the kernel's SIGXFSZ must not end the program without a word
	my $limited = join ' ; ', 'ulimit -f 8', '"$0" --index "$1" scan -q "$2" >/dev/null 2>"$3"', 'echo $? >>"$3"';
	system('sh', '-c', $limited, $program, "$dir/limited.db", "postfix:$dir/big", "$dir/result.limit");
	like(slurp("$dir/result.limit"), qr/\Aspoolsweep: .*--index.*\n1\n\z/s, 'a limit on the size of files is an error, said, with exit 1');
}

# ---- one spool by three names
{
	mkspool('exim', "$dir/thrice", 3);
	my @lines = scan_of($index, "$dir/thrice", "$dir/./thrice/", "exim:$dir/thrice");
	is(scalar @lines, 1, 'a spool that is given by three names is read once and is one line');
}

# ---- the one queue cannot be entered, but its logs are read: no number of messages is a 0
SKIP: {
	skip 'links in a spool: not under Wine', 6 if is_windows();
	my $ex = "$dir/linked";
	mkspool('exim', $ex, 30);
	is((scan_of($index, $ex))[0]{messages}, 30, 'an Exim spool');
	rename "$ex/input", "$ex/elsewhere" or die $!;
	symlink 'elsewhere', "$ex/input" or die $!;
	($s) = scan_of($index, $ex);
	is_deeply($s->{unknown}, [''], 'its queue is a link now');
	is_deeply([ @$s{qw(messages new unchanged gone damaged bytes)} ], [ (undef) x 6 ], '  no message was read: no number is 0');
	is($s->{files}, 30, '  its logs were read');
	is(scalar(listing($index, '--spool', $ex)), 30, '  what was known stays');
	unlink "$ex/input" or die $!;
	rename "$ex/elsewhere", "$ex/input" or die $!;
	is((scan_of($index, $ex))[0]{unchanged}, 30, '  and is the same when it is back');
}

# ---- a command within a sentence, when the index is in a folder with a blank: one line that a shell takes, in marks of another kind
{
	my ($sm, $blank) = ("$dir/held", "$dir/two words/index.db");
	mkspool('smartermail', $sm, 3);
	scan_of($blank, $sm);
	sweep_ok({ index => $blank }, 'hold', '--all', '--execute', '--yes', '--live');
	my ($mark, $command) = sweep_ok({ index => $blank, status => [0, 3] }, 'scan', $sm)->{err} =~ /; (["'])(.*)\1 puts them back$/m;
	my ($outer, $inner) = is_windows() ? ("'", '"') : ('"', "'");
	is($mark, $outer, 'a command in marks that it does not have');
	is($command, "spoolsweep --index $inner$blank$inner release", 'and its path in marks that the shells know');
}

done_testing();
