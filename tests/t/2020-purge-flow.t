# The flow of a purge beside its straight way: an undo while an agent delivers, a plan of which messages are busy, what a resume looks at
# before it goes on, an archive that was published and not noted, and a file system without RENAME_NOREPLACE.
use strict;
use warnings;
use File::Basename qw(dirname);
use Fcntl qw(:DEFAULT :flock F_SETLK F_WRLCK SEEK_SET);
use JSON::PP ();
use Test::More;
use Sweep;
use Fault;

plan skip_all => 'no build/spoolsweep-fault' if !fault_program();
my $dir = fault_dir();

# A process that holds a lock on a file until the handle that is returned is closed: as a delivery agent of Postfix (a shared flock on the
# message) or as an Exim that delivers (a lock of the first bytes of -D).
sub locked {
	my ($path, $kind) = @_;
	pipe my $ready, my $tell or die $!;
	pipe my $until, my $let_go or die $!;
	my $pid = fork;
	die "fork: $!" if !defined $pid;
	if ($pid == 0) {
		close $let_go;
		open my $f, '+<', $path or die "$path: $!";
		# struct flock of Linux on 64 bits: type, whence, start, length, pid
		my $bytes = pack 's s x4 q q i x4', F_WRLCK, SEEK_SET, 0, 19, 0;
		($kind eq 'postfix' ? flock $f, LOCK_SH : fcntl $f, F_SETLK, $bytes) or die "lock: $!";
		syswrite $tell, 'x';
		sysread $until, my $x, 1;
		require POSIX;
		POSIX::_exit(0);
	}
	close $tell;
	sysread($ready, my $x, 1) or die 'nobody holds the lock';
	return { pid => $pid, hold => $let_go };
}

sub let_go {
	my ($l) = @_;
	close $l->{hold};
	waitpid $l->{pid}, 0;
}

sub states {
	my ($c) = @_;
	return journal($c)->{items} || {};
}

# The messages of which there is something in the private folder.
sub private { my ($c) = @_; my %n = map { m{/(\d+)\.\d+\z} ? ($1 => 1) : () } glob "$c->{s}/.spoolsweep/*/*"; return sort keys %n }
sub plan_row { my ($c) = @_; return (json_lines(run($c, undef, 'plans', '--json')->{out}))[-1] }

# ---- an agent delivers what was taken

SKIP: {
	skip 'Wine does not see who holds a flock', 2 * 13 if is_windows();
	my $c = fault_case("$dir/undo", 'postfix', 4, '--fast');
	my $m = messages($c, tree($c->{template}));
	my ($id) = sort keys %$m;
	my ($rel) = keys %{ $m->{$id} };
	rename "$c->{template}/$rel", "$c->{template}/active/$id" or die $!;
	for my $how (['hold', 'release', '--execute'], ['purge', 'purge', '--undo', 1, '--execute']) {
		my ($what, @back) = @$how;
		my $again = join ' ', @back;
		fresh($c);
		my @take = ($what, '--all', '--execute', '--yes', $what eq 'purge' ? ('--archive', $c->{a}) : ());
		my $kill;
		if ($what eq 'purge') {	# killed when all is taken: the archive is not begun
			my ($p) = points($c, @take);
			$kill = (grep { $_->{name} eq 'sys_create_at' && $_->{path} =~ /\.tar\.zst\.tmp\z/ } @$p)[0]{n} . ':kill';
			fresh($c);
		}
		my $agent = locked("$c->{s}/active/$id", 'postfix');
		run($c, $kill, @take);
		is(scalar(my @p = private($c)), 4, "$what: all are taken, one of them in delivery");
		my $r = run($c, undef, @back, '--json');
		is($r->{status}, 3, "@back[0,1] while an agent delivers: exit 3") or diag $r->{err};
		is(states($c)->{$id}, 'busy', '  the message is busy');
		is(scalar(grep { $_ eq 'released' } values %{ states($c) }), 3, '  the others are back');
		is(scalar(@p = private($c)), 1, '  it stays in the private folder');
		like($r->{err}, qr/1 message is being delivered .* later: .*\Q$again\E$/m, '  and the command for later is said');
		my ($row) = grep { ($_->{id} // '') eq $id } json_lines($r->{out});
		like($row->{why}, qr/delivering/, '  the message is listed with the reason');
		isnt(plan_row($c)->{state}, 'undone', '  the plan is not over');
		is(run($c, undef, @back)->{status}, 3, '  the same again while it goes on');
		let_go($agent);
		$r = run($c, undef, @back);
		is($r->{status}, 0, '  a later one puts it back') or diag $r->{err};
		my $now = look($c)->{spool};
		ok(!exists $now->{"/active/$id"} && (grep { m{/deferred/(?:./)*\Q$id\E\z} } keys %$now), '  into deferred, not into active');
		is(scalar(@p = private($c)), 0, '  nothing is left in the private folder');
		is_deeply([lost($c)], [], '  and nothing is lost');
	}
}

# ---- a log in a folder that the server makes while the purge runs

{
	my $c = fault_case("$dir/late", 'postfix', 3, '--fast', '--logs', 0);
	my ($id) = sort keys %{ messages($c, tree($c->{template})) };
	my ($rel) = keys %{ messages($c, tree($c->{template}))->{$id} };
	rename "$c->{template}/$rel", "$c->{template}/active/$id" or die $!;
	my $log = 'defer/' . substr($id, 0, 1);
	system('rm', '-rf', "$c->{template}/$log");
	fresh($c);
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my ($p) = points($c, @purge);
	my ($taken) = grep { $_->{name} eq 'sys_create_at' && $_->{path} =~ /\.tar\.zst\.tmp\z/ } @$p;
	ok($taken, 'all is taken before the archive is begun');
	fresh($c);
	my $late = is_windows() ? "mkdir $c->{s}/$log & echo late> $c->{s}/$log/$id" =~ s,/,\\,gr : "mkdir -p '$c->{s}/$log' && echo late > '$c->{s}/$log/$id'";
	my $r = run($c, "$taken->{n}:run", { SPOOLSWEEP_FAULT_RUN => $late }, @purge);
	is($r->{status}, 0, 'an agent reports late, into a folder that was not there') or diag $r->{err};
	ok(-d "$c->{s}/$log", '  it did');
	ok(!-e "$c->{s}/$log/$id", '  its log goes with the message');
}

# ---- what a killed run had taken and could not note was there before it, it did not arrive

for my $kind (qw(postfix exim smartermail)) {
	my $c = fresh(fault_case("$dir/noted-$kind", $kind, 5, '--fast'));
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my ($p) = points($c, @purge);
	my @take = grep { $_->{name} eq 'sys_rename' && $_->{path2} =~ /\.spoolsweep.*\.0\z/ } @$p;
	is(scalar @take, 5, "$kind: five are taken");
	fresh($c);
	run($c, "$take[3]{n}:kill", @purge);
	my $r = run($c, undef, 'purge', '--resume', '--json');
	is($r->{status}, 0, '  killed in the middle and resumed') or diag $r->{err};
	my ($sum) = grep { exists $_->{sha256} } json_lines($r->{out});
	is_deeply([ @$sum{qw(before arrived after deleted vanished)} ], [5, 0, 0, 5, 0], '  nothing arrived');
}

# ---- after a power cut the volume may have another device number

for my $kind (qw(postfix exim smartermail)) {
	my $c = fresh(fault_case("$dir/device-$kind", $kind, 3, '--fast'));
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my $was = look($c)->{spool};
	my ($p) = points($c, @purge);
	my ($take) = (grep { $_->{name} eq 'sys_rename' && $_->{path2} =~ /\.spoolsweep/ } @$p)[-1];
	my @drop = grep { $_->{name} eq 'sys_unlink' && $_->{path} =~ m{/\d+\.\d+\z} } @$p;
	for my $way (['taking', $take, 'purge', '--undo', 1, '--execute'], ['taking', $take, 'purge', '--resume'], ['deleting', $drop[1], 'purge', '--resume']) {
		my ($when, $at, @then) = @$way;
		fresh($c);
		is(run($c, "$at->{n}:kill", @purge)->{signal}, 9, "$kind: killed while $when");
		my $j = dirname($c->{i}) . '/journal.db';
		Fault::sql($j, 'UPDATE place SET dev = dev + 1; UPDATE part SET dev = dev + 1');
		is((Fault::sql($j, 'SELECT count(DISTINCT dev) FROM place'))[0], 1, '  the disk was another number then');
		my $r = run($c, undef, @then);
		is($r->{status}, 0, "  @then[0,1]: exit 0") or diag $r->{err};
		is_deeply([lost($c)], [], '  nothing is lost');
		my $now = look($c)->{spool};
		$then[1] eq '--undo' ? is_deeply($now, $was, '  all is as it was') : is(plan_row($c)->{state}, 'done', '  the plan is done');
	}
	fresh($c);
	run($c, undef, 'purge', '--all');
	Fault::sql(dirname($c->{i}) . '/journal.db', 'UPDATE place SET dev = dev + 1');
	my $r = run($c, undef, 'purge', '--plan', 1, '--execute', '--yes', '--archive', $c->{a});
	is($r->{status}, 1, "$kind: a plan that was not begun is refused then") or diag $r->{err};
	is_deeply(look($c)->{spool}, $was, '  and nothing is touched');
}

# ---- busy messages leave a plan unfinished

{
	my $c = fresh(fault_case("$dir/busy", 'exim', 3, '--fast'));
	my ($id) = sort keys %{ $c->{messages} };
	my ($data) = map { "$c->{s}/$_" } grep { /-D\z/ } keys %{ $c->{messages}{$id} };
	my @purge = ('purge', '--id', $id, '--execute', '--yes', '--archive', $c->{a});
	my @all = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my $exim = locked($data, 'exim');
	my $r = run($c, undef, @purge);
	is($r->{status}, 3, 'a plan of a single message that is busy: exit 3');
	like($r->{out}, qr/^busy\s+\Q$id\E/m, '  it is listed');
	like($r->{err}, qr/1 message is busy.*to finish it: \S*spoolsweep .*purge --resume 1$/ms, '  how to try again is said');
	is(plan_row($c)->{state}, 'taking', '  the plan is not done');
	ok(!-e "$c->{s}/.spoolsweep", '  nothing of ours is in the spool meanwhile');
	$r = run($c, undef, 'purge', '--resume');
	is($r->{status}, 3, '--resume tries again: still busy, exit 3');
	unlike($r->{err}, qr/no plan is unfinished/, '  the plan is found without its number');
	my $freed = fork;
	if ($freed == 0) {	# lets go once a resume has its private folder
		select undef, undef, undef, 0.05 until glob "$c->{s}/.spoolsweep/*/lock";
		close $exim->{hold};
		require POSIX;
		POSIX::_exit(0);
	}
	close $exim->{hold};
	$r = run($c, undef, 'purge', '--resume', 1, '--retry-busy', 600);
	is($r->{status}, 0, '--resume N --retry-busy waits for it: exit 0') or diag $r->{err};
	is(states($c)->{$id}, 'deleted', '  it is deleted');
	is(plan_row($c)->{state}, 'done', '  the plan is done');
	is_deeply([lost($c)], [], '  and it is in the archive');
	waitpid $_, 0 for $freed, $exim->{pid};

	fresh($c);
	$exim = locked($data, 'exim');
	is(run($c, undef, @all)->{status}, 3, 'two of three are deleted');
	is(plan_row($c)->{state}, 'taking', '  the plan waits for the third');
	is(run($c, undef, 'purge', '--undo', 1, '--execute')->{status}, 3, '  an undo ends it (some are deleted: exit 3)');
	is(plan_row($c)->{state}, 'done', '  for good');
	like(run($c, undef, 'purge', '--resume')->{err}, qr/no plan is unfinished/, '  nothing is left to resume');
	let_go($exim);
	ok(-e $data, '  the busy one is where it was');

	fresh($c);
	$exim = locked($data, 'exim');
	is(run($c, undef, @all)->{status}, 3, 'two of three are deleted again');
	let_go($exim);
	$r = run($c, undef, 'purge', '--resume', 1);
	is($r->{status}, 0, '  the resume makes a second archive') or diag $r->{err};
	my @both = glob "$c->{a}/*.tar.zst";
	is(scalar(@both), 2, '  beside the first');
	is_deeply([ sort @{ plan_row($c)->{archives} } ], \@both, '  plans names both');
	like($r->{out}, qr/restore \S*\Q$_\E$/m, '  so does the run') for @both;
	my $undo = run($c, undef, 'purge', '--undo', 1, '--execute')->{err};
	like($undo, qr/3 messages .* they are in .*\Q$_\E/, '  and an undo, which says where all are') for @both;
	for my $archive (@both) {
		my ($v) = json_lines(run($c, undef, 'verify', '--json', $archive)->{out});
		is_deeply([ @$v{qw(whole plan)} ], [ JSON::PP::true(), 1 ], '  verify knows whose it is');
		# a frame without content, which tar does not see: only the file's own digest tells
		open my $f, '>>:raw', $archive or die $!;
		print $f pack 'V V', 0x184d2a50, 0;
		close $f or die $!;
		($v) = json_lines(run($c, undef, 'verify', '--json', $archive)->{out});
		is($v->{whole}, JSON::PP::false(), '  and finds that its file was changed');
	}

	fresh($c);
	$exim = locked($data, 'exim');
	is(run($c, undef, 'hold', '--all', '--execute')->{status}, 3, 'a hold with a busy message');
	let_go($exim);
	is(run($c, undef, 'purge', '--resume')->{status}, 0, '  is finished by --resume');
	is(plan_row($c)->{state}, 'held', '  then all are held');
	is_deeply([sort values %{ states($c) }], [('taken') x 3], '  each of them');
}

# ---- a file that cannot be read

# Each read of a file of a taken message fails, and each opening: that message is left out of the archive, the others are in it and go.
for my $kind (is_windows() ? 'smartermail' : qw(postfix exim smartermail)) {
	my $c = fresh(fault_case("$dir/unread-$kind", $kind, 3, '--fast'));
	my @live = $kind eq 'smartermail' ? '--live' : ();
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a}, @live);
	my ($p) = points($c, @purge);
	my ($from) = map { $_->{n} } grep { $_->{name} eq 'sys_create_at' && $_->{path} =~ /\.tar\.zst\.tmp\z/ } @$p;
	my ($to) = map { $_->{n} } grep { $_->{name} eq 'sys_sync' && $_->{path} =~ /\.tar\.zst\.tmp\z/ } @$p;
	my @at = grep { $_->{n} > $from && $_->{n} < $to && $_->{name} =~ /^sys_(?:pread|open_at)\z/ && $_->{path} =~ m{/\d+\.\d+\z} } @$p;
	my $first = grep { $_->{path} =~ /\.0\z/ } @at;
	ok($first >= 6 && @at > $first, "$kind: reads and openings of first files, and of others");
	my @wrong;
	for my $at (@at) {
		my $what = "$at->{name} $at->{path}";
		for my $end ('resume', 'undo') {
			fresh($c);
			my $r = run($c, "$at->{n}:EIO", @purge);
			my ($id) = grep { states($c)->{$_} eq 'failed' } keys %{ states($c) };
			push @wrong, "$what: exit $r->{status}: $r->{err}" if $r->{status} != 3;
			push @wrong, "$what: " . join ' ', sort values %{ states($c) } if join(' ', sort values %{ states($c) }) ne 'deleted deleted failed';
			next if !defined $id;
			push @wrong, "$what: it is not told: $r->{out} $r->{err}"
			    if $r->{out} !~ /^failed\s+\Q$id\E\s.*kept in the private folder/m || $r->{err} !~ /to finish it: .*purge --resume 1$/m;
			my ($a) = values %{ archives($c) };
			my %in = map { $_ => 1 } values %{ $a || {} };
			push @wrong, "$what: the archive is not of the others alone"
			    if grep { my $m = $_; ($m eq $id) == grep { $in{$_} } values %{ $c->{messages}{$m} } } keys %{ $c->{messages} };
			push @wrong, "$what: lost " . join ' ', lost($c) if lost($c);
			my %kept = map { m{/(\d+)\.\d+\z} ? ($1 => 1) : () } keys %{ look($c)->{private} };
			push @wrong, "$what: the private folder has " . join ' ', sort keys %kept if keys %kept != 1;
			push @wrong, "$what: a temporary file is left" if glob "$c->{a}/.spoolsweep-*";
			$r = run($c, undef, 'purge', $end eq 'resume' ? ('--resume', 1) : ('--undo', 1, '--execute'), @live);
			push @wrong, "$what: then $end: exit $r->{status}: $r->{err}" if $r->{status} != ($end eq 'resume' ? 0 : 3);
			push @wrong, "$what: then $end: " . states($c)->{$id} if states($c)->{$id} ne ($end eq 'resume' ? 'deleted' : 'released');
			push @wrong, "$what: then $end: the plan is " . plan_row($c)->{state} if plan_row($c)->{state} ne 'done';
			push @wrong, "$what: then $end: lost " . join ' ', lost($c) if lost($c);
			push @wrong, "$what: then $end: there is a private folder" if %{ look($c)->{private} };
		}
	}
	is_deeply(\@wrong, [], "$kind: a message of which a file cannot be read is left out, at " . @at . ' places; --resume takes it, --undo puts it back');
}

# ---- what a resume looks at first

{
	my $c = fault_case("$dir/resume", 'postfix', 3, '--fast');
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my @resume = ('purge', '--resume', 1);
	my ($p) = points(fresh($c), @purge);
	my ($create) = grep { $_->{name} eq 'sys_create_at' && $_->{path} =~ /\.tar\.zst\.tmp\z/ } @$p;
	fresh($c);
	is(run($c, "$create->{n}:kill", @purge)->{signal}, 9, 'killed when all is taken');
	my $refused = sub {
		my ($name, $said, $fault, @args) = @_;
		my $r = run($c, $fault, @resume, @args);
		is($r->{status}, 2, "resume, $name: exit 2, for mail is in the private folder") or diag $r->{err};
		like($r->{err}, $said, '  the reason is said');
		like($r->{err}, qr/to finish it: \S*spoolsweep .*purge --resume 1/, '  and what finishes it');
		is(scalar(my @private = private($c)), 3, '  nothing has moved');
	};
	chmod 0755, $c->{a} or die $!;
	$refused->('the archive folder is open to others', qr/open to other users/);
	chmod 0700, $c->{a} or die $!;
	$refused->('the archive folder lies in the spool', qr/lies in the spool/, undef, '--archive', "$c->{s}/archives");
	rmdir "$c->{s}/archives";
	rename $c->{a}, "$c->{a}.away" or die $!;
	spew($c->{a}, 'a file');
	$refused->('the archive folder is a file', qr/archive folder/);
	unlink $c->{a};
	rename "$c->{a}.away", $c->{a} or die $!;
	SKIP: {
		skip 'the program under Wine sees no mount of ours', 5 if is_windows();
		skip 'only root can mount', 5 if $> != 0 || system('unshare -m true 2>/dev/null') != 0;
		my $program = fault_program();
		my $err = `unshare -m sh -c 'mount -t tmpfs -o size=16k,mode=700 tmpfs $c->{a} && exec $program --index $c->{i} purge --resume 1' 2>&1`;
		is($? >> 8, 2, 'resume, no space for the archive: exit 2') or diag $err;
		like($err, qr/may need .* --archive DIR names another disk/, '  the reason is said');
		like($err, qr/to finish it/, '  and what finishes it');
		like($err, qr{another disk: spoolsweep --index \Q$c->{i}\E purge --resume 1 --archive /OTHER-DISK/archives$}m, '  and the command for another disk');
		is(scalar(my @private = private($c)), 3, '  nothing has moved');
	}
	my $r = run($c, undef, @resume);
	is($r->{status}, 0, 'and with all in order it is finished') or diag $r->{err};
	is_deeply([sort values %{ states($c) }], [('deleted') x 3], '  all are deleted');
	is_deeply([glob "$c->{a}/.??*"], [], '  no temporary file is left');

	# Its scan fails. The calls of two runs can differ by some, so the place is looked for.
	fresh($c);
	run($c, "$create->{n}:kill", @purge);
	my ($q) = points($c, @resume);
	my ($walk) = grep { $_->{name} eq 'sys_dir_next' && $_->{path} =~ m{^\Q$c->{s}\E/} } @$q;
	my ($write) = grep { $_->{n} > $walk->{n} && $_->{name} eq 'db_write' && $_->{path} =~ m{/index\.db} } @$q;
	for my $off (0, map { ($_, -$_) } 1 .. 15) {
		fresh($c);
		run($c, "$create->{n}:kill", @purge);
		$r = run($c, $write->{n} + $off . ':EIO', @resume);
		last if $r->{err} =~ m{index\.db: .*disk I/O error};
	}
	like($r->{err}, qr{index\.db: .*disk I/O error}, 'resume, its scan fails: the reason is said');
	is($r->{status}, 2, '  exit 2, for mail is in the private folder');
	like($r->{err}, qr/to finish it: \S*spoolsweep .*purge --resume 1/, '  and what finishes it');
	is(scalar(my @kept = private($c)), 3, '  nothing has moved');

	# Another archive folder: what the killed run left in the first one goes all the same.
	my @left;
	for my $off (1 .. 6) {
		fresh($c);
		run($c, $create->{n} + $off . ':kill', @purge);
		last if @left = glob "$c->{a}/.*.tmp";
	}
	is(scalar(@left), 1, 'killed while the archive was begun: a temporary file is left');
	is(run($c, undef, @resume, '--archive', "$c->{dir}/other")->{status}, 0, '  resumed into another folder');
	is_deeply([glob "$c->{a}/.??*"], [], '  the temporary file is gone');
	is(scalar(@left = glob "$c->{dir}/other/*.tar.zst"), 1, '  the archive is in the other one');
	system('rm', '-rf', "$c->{dir}/other");
}

# ---- published, but not noted

for my $kind (qw(postfix exim smartermail)) {
	my $c = fault_case("$dir/adopt-$kind", $kind, 3, '--fast');
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my ($p) = points(fresh($c), @purge);
	my ($publish) = grep { $_->{name} eq 'sys_rename' && $_->{path2} =~ /\.tar\.zst\z/ } @$p;
	my ($commit) = grep { $_->{n} > $publish->{n} && $_->{name} eq 'db_sync' } @$p;
	my $killed = sub {
		my ($n) = @_;
		my @a;
		for my $off (-3 .. 6) {	# the calls of two runs can differ by some
			fresh($c);
			run($c, $n + $off . ':kill', @purge);
			last if @a = glob "$c->{a}/*.tar.zst";
		}
		is(scalar(@a), 1, "$kind: killed behind the publishing");
		return $a[0];
	};
	my $resumed = sub {
		my ($archives) = @_;
		my $r = run($c, undef, 'purge', '--resume');
		is($r->{status}, 0, '  resumed') or diag $r->{err};
		is_deeply([sort values %{ states($c) }], [('deleted') x 3], '  all are deleted');
		is_deeply([lost($c)], [], '  nothing is lost');
		is(scalar(my @a = glob "$c->{a}/*.tar.zst"), $archives, "  archives: $archives");
		my $row = plan_row($c);
		is((split ' ', `sha256sum '$row->{archive}'`)[0], $row->{sha256}, '  the plan names one, with its SHA-256');
		return ($row->{archive}, $r->{err});
	};
	for my $n ($publish->{n} + 1, $commit->{n}) {
		my $was = $killed->($n);
		my ($now) = $resumed->(1);
		is($now, $was, '  it is the one that the killed run wrote');
	}
	# One byte of it changed: it proves nothing, and is left.
	my $was = $killed->($publish->{n} + 1);
	my $bytes = slurp($was);
	substr($bytes, length($bytes) / 2, 1) ^= "\x01";
	spew($was, $bytes, 0600);
	my ($now, $err) = $resumed->(2);
	isnt($now, $was, '  a damaged one is not used');
	like($err, qr/has left \Q$was\E: it is not used/, '  and named');
	is(slurp($was), $bytes, '  it is left as it is');
	# Whole, but not what the journal says was archived.
	for my $change ("update fate set state = 1 where n = 1", "update part set sha256 = zeroblob(32) where item = 1",
	    "update part set mtime = mtime + 1 where item = 2") {
		$was = $killed->($publish->{n} + 1);
		Fault::sql("$c->{dir}/i/journal.db", $change);
		($now, $err) = $resumed->(2);
		isnt($now, $was, "  one that holds something else is not used ($change)");
	}
}

# ---- a file system without RENAME_NOREPLACE

SKIP: {
	skip 'Windows always can rename without replacing', 3 * 9 if is_windows();
}
for my $kind (is_windows() ? () : qw(postfix exim smartermail)) {
	my $c = fault_case("$dir/link-$kind", $kind, 3, '--fast');
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my @none = { SPOOLSWEEP_FAULT_LINK => 0 };
	my $was = look(fresh($c))->{spool};
	my $r = run($c, undef, @none, 'hold', '--all', '--execute');
	is($r->{status}, 0, "$kind: a hold by link and unlink") or diag $r->{err};
	is_deeply([grep { $_ > 1 } map { (stat)[3] } grep { -f } map { "$c->{s}$_" } keys %{ tree($c->{s}) }], [], '  each file has one name');
	# A name that is taken is never replaced.
	my ($rel) = map { sort keys %{ $c->{messages}{$_} } } (sort keys %{ $c->{messages} })[0];
	spew("$c->{s}/$rel", 'another file');
	$r = run($c, undef, @none, 'release', '--execute');
	is($r->{status}, 2, '  a release onto a name that is taken fails');
	is(slurp("$c->{s}/$rel"), 'another file', '  and does not replace it');
	is_deeply([lost($c)], [], '  nor loses the message');
	unlink "$c->{s}/$rel" or die $!;
	is(run($c, undef, @none, 'release', '--execute')->{status}, 0, '  once the name is free it is put back');
	is_deeply(look($c)->{spool}, $was, '  all is as it was');
	my %links;
	for my $how (['purge', ['purge', '--resume'], @purge], ['purge', ['purge', '--undo', 1, '--execute'], @purge],
	    ['hold', ['release', '--execute'], 'hold', '--all', '--execute'], ['release', ['release', '--execute'], 'release', '--execute']) {
		my ($what, $then, @run) = @$how;
		my $n = 0;
		my @bad;
		while (1) {
			fresh($c);
			run($c, undef, @none, 'hold', '--all', '--execute') if $what eq 'release';
			$r = run($c, undef, { SPOOLSWEEP_FAULT_LINK => ++$n }, @run);
			last if !$r->{signal};
			push @bad, "link $n: lost " . join ' ', lost($c) if lost($c);
			my $r2 = run($c, undef, @none, @$then);
			push @bad, "link $n: @$then: exit $r2->{status} $r2->{err}" if $r2->{status} != 0;
			push @bad, "link $n: lost after @$then " . join ' ', lost($c) if lost($c);
			my $now = look($c)->{spool};
			push @bad, "link $n: @$then: the spool is not as it was" if $then->[1] ne '--resume' && join("\n", map { "$_ $now->{$_}" } sort keys %$now) ne
			    join "\n", map { "$_ $was->{$_}" } sort keys %$was;
			my @private = glob "$c->{s}/.spoolsweep $c->{dir}/.spoolsweep-s/*";
			push @bad, "link $n: there is @private" if grep { -e } @private;
			push @bad, "link $n: files are left: @{[ grep { -f } glob qq{$c->{s}/*/*} ]}" if $then->[1] eq '--resume' && %{ messages($c, look($c)->{spool}) };
		}
		cmp_ok($n, '>', 3, "$kind: $what died behind each of " . ($n - 1) . " links, then @$then[0,1]");
		is_deeply(\@bad, [], '  nothing is lost, nothing is there twice, the end is as without it');
	}
}

done_testing;
