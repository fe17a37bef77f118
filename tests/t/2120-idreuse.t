# Between plan and purge: a name that means another message is left alone, a message that was only tried again is taken, one that
# vanished is told, one that its MTA holds is busy. And a hold that works on a spool without a free byte.
use strict;
use warnings;
use Test::More;
use Fcntl qw(:DEFAULT :flock F_SETLK F_WRLCK SEEK_SET);
use File::Copy qw(copy);
use File::Path qw(make_path);
use Sweep;

my $dir = work_dir();
my @archive = ('--archive', "$dir/archive");

sub files {
	my ($root) = @_;
	my @f = map { my $d = $_; map { -d $_ && !-l $_ ? files($_) : $_ } glob "$d/*" } $root;
	return @f;
}

# The main file of a message; the envelope of it ("hdr", "-H"), or of Postfix the same.
sub part {
	my ($spool, $id, $what) = @_;
	my ($f) = grep { m{/\Q$id\E(?:\Q$what\E)\z} && !m{/(?:defer|bounce|trace|msglog)/} } files($spool);
	return $f;
}

my %main = (postfix => '', exim => '-D', smartermail => '.eml');
my %envelope = (postfix => '', exim => '-H', smartermail => '.hdr');

# A spool of `n` messages, scanned, and a dry run over all of it: (index, spool, plan, ids).
my $made = 0;
sub planned {
	my ($kind, $n, @opt) = @_;
	my ($spool, $index) = ("$dir/s" . ++$made, "$dir/i$made/index.db");
	mkspool('--seed', 40 + $made, @opt, $kind, $spool, $n);
	scan_of($index, "$kind:$spool");
	my @out = json_lines(sweep_ok({ index => $index }, 'purge', '--all', '--json', @archive)->{out});
	my $last = pop @out;
	is($last->{planned}, $n, "$kind: a plan of $n messages");
	return ($index, $spool, $last->{plan}, map { $_->{id} } @out);
}

# Carries out a plan: (exit status, { id => state }, last object, stderr).
sub executed {
	my ($index, @args) = @_;
	my $r = sweep({ index => $index }, 'purge', '--execute', '--yes', '--json', @archive, @args);
	my @out = json_lines($r->{out});
	my $last = pop @out;
	return ($r->{status}, { map { $_->{id} => $_ } @out }, $last, $r->{err});
}

# Another message under the names of one: the text of a message of another spool, with the id that Exim writes into its files.
sub other_message {
	my ($kind, $spool, $id, $in_place) = @_;
	my ($other) = ("$dir/other-$kind");
	mkspool('--seed', 99, $kind, $other, 3) if !-d $other;
	my ($of) = grep { defined part($other, $_, $main{$kind}) } map { m{([^/]+?)(?:-D|\.eml)?\z} } files($other);
	my %now;
	my %seen;
	for my $what (grep { !$seen{$_}++ } $envelope{$kind}, $main{$kind}) {
		my $text = slurp(part($other, $of, $what));
		$text =~ s/\A\Q$of\E/$id/ if $kind eq 'exim';
		my $path = part($spool, $id, $what);
		my ($mode, $uid, $gid) = (stat $path)[2, 4, 5];
		unlink $path if !$in_place;
		spew($path, $text, $mode & 07777);
		chown $uid, $gid, $path;
		$now{$path} = $text;
	}
	return %now;
}

for my $kind (qw(postfix exim smartermail)) {
	for my $in_place (0, 1) {
		my $how = $in_place ? 'the same inode' : 'as the file system gives it';
		my ($index, $spool, $plan, @id) = planned($kind, 3);
		my $inode = (stat part($spool, $id[1], $main{$kind}))[1];
		my %now = other_message($kind, $spool, $id[1], $in_place);
		my $same = (stat part($spool, $id[1], $main{$kind}))[1] == $inode;
		ok($same, "$kind: the inode is the same") if $in_place;
		my ($status, $state, $last, $err) = executed($index, '--plan', $plan);
		is($status, 3, "$kind, $how: exit 3") or diag $err;
		is($state->{$id[1]}{state}, 'changed', "$kind, $how" . ($same ? ' (it was the same)' : '') . ': changed');
		is(scalar(grep { $state->{$_}{state} eq 'deleted' } @id), 2, "$kind, $how: the others are deleted");
		is_deeply({ map { $_ => -e $_ ? slurp($_) : 'gone' } keys %now }, \%now, "$kind, $how: and it survives");
	}

	# vanished
	my ($index, $spool, $plan, @id) = planned($kind, 3);
	unlink grep { m{/\Q$id[0]\E(?:-[HDJ]|\.\w+)?\z} } files($spool);
	my ($status, $state) = executed($index, '--plan', $plan);
	is($status, 3, "$kind: one has vanished: exit 3");
	is($state->{$id[0]}{state}, 'gone', "$kind: it is gone");
	is($state->{$id[1]}{state}, 'deleted', "$kind: the others are deleted");
}

# Postfix: retried, moved, a recipient done in place
{
	my ($index, $spool, $plan, @id) = planned('postfix', 8);
	my @deferred = grep { (part($spool, $_, '') // '') =~ m{/deferred/} } @id;
	cmp_ok(scalar @deferred, '>=', 4, 'four deferred messages to change');
	my ($touched, $active, $back, $done) = @deferred;
	utime 1900000000, 1900000000, part($spool, $touched, '');
	rename part($spool, $active, ''), "$spool/active/$active" or die $!;
	my $was = part($spool, $back, '');
	rename $was, "$spool/active/$back" or die $!;
	rename "$spool/active/$back", $was or die $!;
	utime 1900000000, 1900000000, $was;
	my $text = slurp(part($spool, $done, ''));
	my $at = $text =~ /O(.)([^\0-\x1f]+?\@[^\0-\x1f]+?)R\1\2/s ? $-[0] + 2 + length $2 : die 'no recipient';
	open my $f, '+<:raw', part($spool, $done, '') or die $!;
	seek $f, $at, SEEK_SET;
	print $f 'D';
	close $f;
	my ($status, $state, undef, $err) = executed($index, '--plan', $plan);
	is($status, 0, 'Postfix: what was only tried again is the same') or diag $err;
	is($state->{$touched}{state}, 'deleted', 'a new mtime');
	is($state->{$active}{state}, 'deleted', 'moved to active');
	is($state->{$back}{state}, 'deleted', 'moved to active and back');
	is($state->{$done}{state}, 'deleted', 'a recipient marked done');
	is(scalar(grep { m{/(?:deferred|active|defer)/} } files($spool)), 0, 'and nothing of them is left');
}

# Exim and SmarterMail: the envelope file is a new one after each try
for my $kind (qw(exim smartermail)) {
	my ($index, $spool, $plan, @id) = planned($kind, 3);
	my $path = part($spool, $id[0], $envelope{$kind});
	my $text = slurp($path);
	if ($kind eq 'exim') {
		$text =~ s/^XX$/YN done\@example.com\nNN done\@example.com/m or $text =~ s/^(?=[YN][YN] )/NN done\@example.com\n/m;
	} else {
		$text =~ s/^retry: \d+/retry: 7/m or die 'no retry line';
	}
	spew("$path.new", $text, 0640);
	rename "$path.new", $path or die $!;
	my ($status, $state, undef, $err) = executed($index, '--plan', $plan);
	is($state->{$id[0]}{state}, 'deleted', "$kind: tried again, a new envelope file: the same message") or diag $state->{$id[0]}{why};
	is($status, 0, "$kind: exit 0") or diag $err;
}

# Exim delivers: its lock (fcntl, the first bytes of -D) is held by another process
sub hold_lock {
	my ($path) = @_;
	pipe my $ready, my $tell or die $!;
	pipe my $until, my $let_go or die $!;
	my $pid = fork;
	if ($pid == 0) {
		close $let_go;
		open my $d, '+<', $path or die $!;
		# struct flock of Linux on 64 bits: type, whence, start, length, pid
		my $flock = pack 's s x4 q q i x4', F_WRLCK, SEEK_SET, 0, 19, 0;
		fcntl $d, F_SETLK, $flock or die "lock: $!";
		syswrite $tell, 'x';
		sysread $until, my $x, 1;	# until the other end is closed
		require POSIX;
		POSIX::_exit(0);
	}
	close $tell;
	sysread($ready, my $x, 1) or die 'nobody holds the lock';
	return ($pid, $let_go);
}

{
	my ($index, $spool, $plan, @id) = planned('exim', 3);
	my ($pid, $let_go) = hold_lock(part($spool, $id[0], '-D'));
	my ($status, $state, undef, $err) = executed($index, '--plan', $plan);
	is($status, 3, 'Exim holds the lock: exit 3') or diag $err;
	is($state->{$id[0]}{state}, 'busy', 'busy');
	is($state->{$id[1]}{state}, 'deleted', 'the others are deleted');
	ok(defined part($spool, $id[0], '-H') && defined part($spool, $id[0], '-D'), 'it is where it was');
	# A second purge waits for it; the lock goes once that one is seen in its private folder.
	my $watcher = fork;
	if ($watcher == 0) {
		select undef, undef, undef, 0.05 until glob "$spool/.spoolsweep/*/plan";
		spew("$dir/checked", sweep({ index => $index }, 'check', '-v', '-t', 600, "exim:$spool")->{out});
		close $let_go;
		require POSIX;
		POSIX::_exit(0);
	}
	close $let_go;
	scan_of($index, "exim:$spool");
	($status, $state, undef, $err) = executed($index, '--all', '--retry-busy', 600);
	is($status, 0, '--retry-busy waits for the lock: exit 0') or diag $err;
	is($state->{$id[0]}{state}, 'deleted', 'and takes it');
	kill 'KILL', $watcher;
	waitpid $_, 0 for $pid, $watcher;
	my $checked = slurp("$dir/checked");
	like($checked, qr/\ASPOOL (?:OK|WARNING|CRITICAL) - [^|\n]*; a purge, hold or release is in progress \(process \d+\)/,
	    'a check meanwhile says that a purge goes on');
	like($checked, qr/^\[OK\] unfinished: exim: plan \d+ is not finished; process \d+ is at work on it/m, 'and which');
}

# A full spool: hold works with the index elsewhere
sub full_spool {
	my ($name, $mount, $is_full) = @_;
	my $at = "$dir/full-$name";
	make_path($at, "$dir/img");
	my $pid = fork;
	if ($pid == 0) {	# in a mount namespace of its own
		my $script = <<"END";
set -e
$mount
"\$MKSPOOL" --fast postfix $at/s 5
"\$SPOOLSWEEP" --index $dir/full-$name.db scan -q postfix:$at/s
dd if=/dev/zero of=$at/filler bs=1k 2>/dev/null || true
dd if=/dev/zero of=$at/filler2 bs=512 2>/dev/null || true
find $at/s/deferred $at/s/active -type f | wc -l > $dir/full-$name.before
"\$SPOOLSWEEP" --index $dir/full-$name.db hold --all --execute --json > $dir/full-$name.out 2> $dir/full-$name.err || true
find $at/s/deferred $at/s/active -type f | wc -l > $dir/full-$name.after
"\$SPOOLSWEEP" --index $dir/full-$name.db release --execute > $dir/full-$name.out2 2>> $dir/full-$name.err || true
find $at/s/deferred $at/s/active -type f | wc -l > $dir/full-$name.again
END
		$ENV{SPOOLSWEEP} ||= top_dir() . '/build/spoolsweep';
		$ENV{MKSPOOL} ||= top_dir() . '/build/mkspool';
		open STDERR, '>', "$dir/full-$name.log";
		exec 'unshare', '-m', 'sh', '-c', $script or exit 127;
	}
	waitpid $pid, 0;
	return $? == 0;
}

SKIP: {
	skip 'the program under Wine sees no mount of ours', 4 if is_windows();
	skip 'only root can mount', 4 if $> != 0 || system('unshare -m true 2>/dev/null') != 0;
	ok(full_spool('tmpfs', "mount -t tmpfs -o size=256k tmpfs $dir/full-tmpfs"), 'a full tmpfs') or diag slurp("$dir/full-tmpfs.log");
	cmp_ok(slurp("$dir/full-tmpfs.before"), '>', 0, 'with messages in it');
	is(slurp("$dir/full-tmpfs.after") + 0, 0, 'a hold on a full spool takes them all') or diag slurp("$dir/full-tmpfs.err");
	is(slurp("$dir/full-tmpfs.again"), slurp("$dir/full-tmpfs.before"), 'and a release puts them back') or diag slurp("$dir/full-tmpfs.err");
}

# ext4: folders need an inode and a block, and have neither
sub full_ext4 {
	my ($name, $mkfs, $fill) = @_;
	my $at = "$dir/ext4-$name";
	make_path("$at/m");
	my $script = <<"END";
set -e
truncate -s 16M $at/img
mkfs.ext4 -q -b 1024 $mkfs $at/img
mount -o loop $at/img $at/m
"\$MKSPOOL" --fast postfix $at/m/s 5
"\$SPOOLSWEEP" --index $at/index.db scan -q postfix:$at/m/s
$fill
run() { st=0; "\$SPOOLSWEEP" --index $at/index.db "\$@" >>$at/out 2>>$at/err || st=\$?; echo "\$st \$(find $at/m/s/deferred $at/m/s/active -type f | wc -l)" >>$at/did; }
run hold --all --execute
rm -f $at/m/fill* 2>/dev/null
run hold --all --execute
run release --execute
END
	local $ENV{SPOOLSWEEP} = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
	local $ENV{MKSPOOL} = $ENV{MKSPOOL} || top_dir() . '/build/mkspool';
	my $pid = fork;
	if ($pid == 0) {
		open STDERR, '>', "$at/log";
		exec 'unshare', '-m', 'sh', '-c', $script or exit 127;
	}
	waitpid $pid, 0;
	is($?, 0, "ext4, $name") or diag slurp("$at/log");
	return (slurp("$at/err"), split /\n/, slurp("$at/did"));
}

# Local times: each spool was read in a zone of its own, and none of them is this machine's.
{
	my $index = "$dir/zones/index.db";
	for (['tokyo', 'Asia/Tokyo'], ['istanbul', 'Europe/Istanbul'], ['lima', 'America/Lima']) {
		my ($name, $zone) = @$_;
		mkspool('--seed', 90, 'smartermail', "$dir/$name", 4);
		sweep_ok({ index => $index }, 'scan', '--timezone', $zone, "smartermail:$dir/$name");
	}
	my @out = json_lines(sweep_ok({ index => $index }, 'hold', '--all', '--execute', '--json')->{out});
	is($out[-1]{taken}, 12, 'smartermail: the zone that a spool was read in does not make another message of one');
}

SKIP: {
	my $try = "$dir/loop";
	make_path("$try/m");
	skip 'the program under Wine sees no mount of ours', 7 if is_windows();
	skip 'no loop devices here', 1 if $> != 0 || system("truncate -s 1M $try/img && mkfs.ext4 -q $try/img 2>/dev/null && " .
	    "unshare -m mount -o loop $try/img $try/m 2>/dev/null") != 0;
	for (['no inode', '-m 0 -N 512', 'n=0; while ( : >$at/m/fill$n ) 2>/dev/null; do n=$((n+1)); done'],
	    ['no block', '-m 0 -N 2048', 'dd if=/dev/zero of=$at/m/fill bs=1k 2>/dev/null || true']) {
		my ($name, $mkfs, $fill) = @$_;
		my $at = "$dir/ext4-$name" =~ s/ /-/r;
		my ($err, @did) = full_ext4($name =~ s/ /-/r, $mkfs, $fill =~ s/\$at/$at/gr);
		is_deeply(\@did, ['1 5', '0 0', '0 5'], '  a hold is refused and touches nothing; with space again it works, and so does its release');
		like($err, qr/private folder needs 2 folders and a file .* until then this holds them without any space: .* list -i --all \| postsuper -h -$/ms,
		    '  what to do is said, and the command');
	}
	my $at = "$dir/ext4-reserve";
	my ($err, @did) = full_ext4('reserve', '-N 2048', ": >$at/m/fill; chmod 666 $at/m/fill; setpriv --reuid 65534 --clear-groups dd if=/dev/zero bs=1k 2>/dev/null >>$at/m/fill || true");
	is_deeply([@did[0, 2]], ['0 0', '0 5'], '  filled by somebody else: the blocks reserved for root are enough') or diag $err;
}

done_testing;
