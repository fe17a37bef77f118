# Index and journal are lost while messages are held or a purge is unfinished: the copy of the plan in the private folder brings them back.
use strict;
use warnings;
use File::Basename qw(dirname basename);
use lib dirname(__FILE__);
use Sweep;
use Fault;
use Test::More;

my $dir = work_dir();
my $now = time;

# Every file below the spool with mode, owner, time and bytes.
sub bytes_of { my ($root) = @_; my $t = Fault::tree($root, 1); return { map { my @st = lstat "$root$_"; $_ => "$st[4] $st[5] $t->{$_}" } grep { $t->{$_} !~ / dir$/ } keys %$t } }
sub folders { my ($kind, $spool) = @_; return glob($kind eq 'smartermail' ? dirname($spool) . '/.spoolsweep-Spool/*' : "$spool/.spoolsweep/*") }
sub lose { my ($index) = @_; unlink grep { -e } map { (my $j = $index) =~ s/index\.db$/$_/; ($j, "$j-wal", "$j-shm", "$j.scan") } qw(index.db journal.db) }

# Postfix puts what was active into deferred: compare by names there.
sub same { my ($kind, $t) = @_; return $kind ne 'postfix' ? $t : { map { my $p = $_; $p =~ s{^/active/}{/deferred/}; $p =~ s{/(?:./)+}{/}; $p => $t->{$_} } keys %$t } }

for my $kind (qw(postfix exim smartermail)) {
	my $spool = "$dir/$kind/Spool";
	my $index = "$dir/$kind/i/index.db";
	# Wine takes half a minute for each kill in a spool of this size: there the one that Windows has.
	my $kills = fault_program() && (!is_windows() || $kind eq 'smartermail');
	mkdir "$dir/$kind" or die $!;
	mkspool('--now', $now, $kind eq 'exim' && !is_windows() ? '--split' : (), $kind, $spool, $kills ? 700 : 60);		# more than one batch
	my $before = same($kind, bytes_of($spool));
	scan_of($index, $spool);
	my @list = listing($index);
	sweep_ok({ index => $index }, 'hold', '--all', '--execute');
	is(scalar(grep { !m{/\.spoolsweep/} } keys %{ bytes_of($spool) }), 0, "$kind: all are held");
	my ($folder) = folders($kind, $spool);
	# the volume was another device before it was mounted anew
	(my $copy = slurp("$folder/plan")) =~ s/,"dev":\K\d+/1/;
	spew("$folder/plan", $copy);
	my $held = bytes_of($folder);

	lose($index);
	my $r = sweep({ index => $index }, 'scan', $spool);
	like($r->{err}, qr/\Q$spool\E: the private folder .*spoolsweep --index '?\Q$index\E'? plans --adopt '?\Q$folder\E'?$/m, '  scan names the command that works');
	like(sweep({ index => $index }, 'release', '--execute')->{err}, qr/no message is held|were meant/, '  release alone knows nothing');
	$r = sweep({ index => $index }, 'plans', '--adopt', $folder);
	is($r->{status}, 0, '  the plan is adopted') or diag $r->{err};
	like($r->{err}, qr/of @{[ scalar @list ]} messages the folder holds @{[ scalar @list ]}$/m, '  all messages of it');
	my ($command) = $r->{err} =~ /(release --plan \d+ --execute) puts them back/;
	ok(defined $command, '  and what puts them back is said');
	my $now = bytes_of($folder);
	delete $_->{'/lock'} for $now, $held;
	is_deeply($now, $held, '  nothing was touched');
	my ($plan) = grep { $_->{kind} eq 'hold' } json_lines(sweep_ok({ index => $index }, 'plans', '--json')->{out});
	is_deeply([ @$plan{qw(state taken messages selection)} ], [ 'held', scalar @list, scalar @list, '--all' ], '  plans shows it');
	is(sweep({ index => $index }, 'plans', '--adopt', $folder)->{status}, 1, '  a second time: the journal knows it');
	$r = sweep({ index => $index }, split / /, $command // 'release');
	is($r->{status}, 0, '  release') or diag $r->{err};
	is_deeply(same($kind, bytes_of($spool)), $before, '  every byte, mode, owner and time is as before');
	ok(!-e dirname($folder), '  and the private folder has gone');

	# a purge that was killed, undone, resumed
	my $c = { kind => $kind, s => $spool, i => $index, dir => "$dir/$kind" };
	# killed between two renames into the private folder: in the second batch, or when few are taken
	my %at;
	if ($kills) {
		my $copy = { %$c, s => "$dir/$kind/copy/Spool", i => "$dir/$kind/ci/index.db" };
		mkdir "$dir/$kind/copy";
		system('cp', '-a', $spool, $copy->{s}) == 0 or die 'cp';
		run($copy, undef, 'scan', '-q', "$kind:$copy->{s}");
		mkdir "$dir/$kind/a-copy", 0700;
		my ($points) = points($copy, 'purge', '--all', '--execute', '--yes', '--archive', "$dir/$kind/a-copy");
		my @take = grep { $_->{name} eq 'sys_rename' && $_->{path2} =~ m{/\.spoolsweep} } @$points;
		%at = (undo => $take[601]{n}, resume => $take[50]{n});
	}
	for my $way ($kills ? ('undo', 'resume') : ()) {
		scan_of($index, $spool);
		my $archive = "$dir/$kind/a-$way";
		mkdir $archive, 0700 or die $!;
		my $all = bytes_of($spool);
		my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $archive);
		$r = run($c, "$at{$way}:kill", @purge);
		is($r->{signal}, 9, "$kind, $way: killed while taking");
		($folder) = folders($kind, $spool);
		lose($index);
		$r = sweep({ index => $index }, 'plans', '--adopt', $folder);
		is($r->{status}, 0, '  adopted') or diag $r->{err};
		my ($id) = $r->{err} =~ /purge --undo (\d+) --execute puts them back/;
		if ($way eq 'undo') {
			$r = sweep({ index => $index }, 'purge', '--undo', $id // 0, '--execute');
			is($r->{status}, 0, '  undone') or diag $r->{err};
			is_deeply(same($kind, bytes_of($spool)), same($kind, $all), '  every byte, mode, owner and time is as before');
		} else {
			$r = sweep({ index => $index }, 'purge', '--resume', $id // 0, '--archive', $archive, '--json');
			like($r->{status}, qr/^[03]$/, '  resumed') or diag $r->{err};
			my @rows = json_lines($r->{out});
			my $path = $rows[-1]{archive};
			cmp_ok($rows[-1]{deleted}, '>', 0, "  $rows[-1]{deleted} archived and deleted");
			is(sweep({ index => $index }, 'verify', $path)->{status}, 0, '  the archive is whole');
			is(sweep({ index => $index }, 'restore', $path)->{status} & ~3, 0, '  and can be restored');
			my %left = %{ bytes_of($spool) };
			is(scalar(grep { defined $left{$_} && $left{$_} ne $all->{$_} } keys %$all), 0, '  what was not taken is as it was');
		}
	}
}

# ---- refused
{
	my ($spool, $index) = ("$dir/bad/Spool", "$dir/bad/i/index.db");
	mkdir "$dir/bad" or die $!;
	mkspool('--now', $now, 'exim', $spool, 5);
	scan_of($index, $spool);
	sweep_ok({ index => $index }, 'hold', '--all', '--execute');
	my ($folder) = folders('exim', $spool);
	lose($index);
	my $copy = slurp("$folder/plan");
	my @lines = split /^/, $copy;
	my $private = bytes_of($folder);
	my $try = sub {
		my ($what, $status, $says, $text) = @_;
		spew("$folder/plan", $text) if defined $text;
		my $r = sweep({ index => $index }, 'plans', '--adopt', $folder);
		is($r->{status}, $status, "$what: exit $status") or diag $r->{err};
		like($r->{err}, $says, '  and says why');
		lose($index);
	};
	$try->('an empty copy', 1, qr/no head/, '');
	$try->('without its head', 1, qr/no head/, join '', @lines[1 .. $#lines]);
	$try->('a wrong line in the middle', 1, qr/damaged in line 3/, join '', @lines[0, 1], "{}\n", @lines[2 .. $#lines]);
	$try->('a wrong line at the end', 1, qr/damaged in line/, $copy . "{\"item\":1}\n");
	$try->('a path out of the spool', 1, qr/damaged in line 2/, join '', $lines[0], $lines[1] =~ s/"dir":"[^"]*"/"dir":"..=2Finput"/r, @lines[2 .. $#lines]);
	$try->('a file of another name', 1, qr/damaged in line 2/, join '', $lines[0], $lines[1] =~ s/"private":"00000000/"private":"00000001/r, @lines[2 .. $#lines]);
	$try->('another spool folder', 1, qr/not the folder that the plan was made for/, $copy =~ s/"ino":\d+/"ino":1/r);
	$try->('another kind', 1, qr/not the folder that the plan was made for/, $copy =~ s/"mta":"exim"/"mta":"postfix"/r);
	$try->('a cut last line', 3, qr/not named by its plan/, substr $copy, 0, -10);
	my $one = join '', grep { !/"part":1,/ || !/"item":0,/ } @lines;
	$try->('a line that is missing', 3, qr/1 file of the folder is not named/, $one);
	unlink "$folder/plan";
	$try->('no copy', 1, qr/open the copy of the plan/);
	is_deeply({ %{ bytes_of($folder) }, map { $_ => $private->{$_} } '/plan', '/lock' }, { %$private }, 'nothing else was touched');
	spew("$folder/plan", $copy, 0600);
	my $r = sweep({ index => $index }, 'plans', '--adopt', "$spool/input");
	is($r->{status}, 1, 'a folder that is none of ours');
	rename $spool, "$spool-moved";
	system('cp', '-a', "$spool-moved", $spool);
	$try->('a copy of the spool', 1, qr/not the folder that the plan was made for/);
	system('rm', '-rf', $spool);
	rename "$spool-moved", $spool;

	# half a message is never put back
	my ($data) = grep { /"part":1,/ && /"item":0,/ } @lines;
	my ($name) = $data =~ /"private":"([^"]+)"/;
	unlink "$folder/$name";
	$r = sweep({ index => $index }, 'plans', '--adopt', $folder);
	is($r->{status}, 3, 'a message of which a file is gone: exit 3') or diag $r->{err};
	like($r->{err}, qr/1 message was being deleted/, '  said');
	$r = sweep({ index => $index }, 'release', '--execute');
	my %there = %{ bytes_of($folder) };
	is(scalar(grep { m{^/00000000\.} } keys %there), scalar(grep { /"item":0,/ } @lines) - 1, '  what is left of it stays');
	is(scalar(grep { /-H$/ } keys %{ bytes_of("$spool/input") }), 4, '  the others are back');
}

done_testing();
