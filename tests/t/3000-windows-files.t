# What only Windows does to files: others hold them open without sharing, names and paths that Win32 would change or refuse.
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path);
use IPC::Open2;
use Sweep;

plan skip_all => 'only on Windows: files held open, long paths, case' unless is_windows();

my $work = work_dir();
my $count = 0;
my @hold = ($^O eq 'linux' ? (top_dir() . '/windows/winerun.sh', 0) : (), $ENV{HOLD} || top_dir() . '/build/win64/hold.exe');

sub message {
	my ($spool, $base, %o) = @_;
	my ($hdr, $eml) = $o{upper} ? ('HDR', 'EML') : ('hdr', 'eml');
	my $from = $o{from} || 'joe@example.com';
	spew("$spool/$base.$eml", "From: <$from>\r\nSubject: $base\r\n\r\nbody of $base\r\n");
	spew("$spool/$base.$hdr", join "\r\n", 'Written', $from, 'alice@example.net', "auth: $from", 'creationdate: 04/18/2024 18:37:32', '', '');
}

sub fresh_spool {
	my $spool = "$work/spool" . ++$count . '/Spool';
	make_path($spool);
	return $spool;
}

sub scan {
	my ($spool) = @_;
	my $r = sweep({ index => "$spool.db" }, 'scan', '--json', '--timezone', 'UTC', "smartermail:$spool");
	is($r->{signal}, 0, 'no signal');
	my ($total) = json_lines($r->{out});
	return ($r->{status}, $total, map { ("$_->{queue}/$_->{id}" => $_) } listing("$spool.db"));
}

sub purge {
	my ($spool, @args) = @_;
	my $r = sweep({ index => "$spool.db" }, 'purge', '--json', '--execute', '--yes', '--archive', "$work/archives$count", @args);
	my @rows = json_lines($r->{out});
	return ($r->{status}, pop @rows, map { ($_->{id} => $_) } @rows);
}

# Another program with files open: hold($share, @paths); let_go(what it gave) ends it.
sub hold {
	my ($share, @paths) = @_;
	my $pid = open2(my $out, my $in, @hold, $share, @paths);
	my $line = <$out>;
	die "hold @paths" unless defined $line && $line =~ /^held/;
	return [$pid, $in, $out];
}

sub let_go {
	my ($h) = @_;
	close $h->[1];
	waitpid $h->[0], 0;
}

sub files { my ($dir) = @_; opendir my $d, $dir or die "$dir: $!"; return join ' ', sort grep { /\.(?:eml|hdr)$/i } readdir $d }

subtest 'a file held open without sharing' => sub {
	my $spool = fresh_spool();
	message($spool, $_) for 1 .. 3;
	my $held = hold('-', "$spool/2.eml");
	my ($status, $total, %row) = scan($spool);
	is($status, 3, 'what could not be read is not "clean"');
	is_deeply($total->{unknown}, [''], 'its queue is unknown');
	is(join(' ', sort keys %row), '/1 /2 /3', 'all are listed');
	like($row{'/2'}{damage}[0], qr/cannot be read: open 2\.eml: Device or resource busy/, 'and which cannot be read, and why');
	let_go($held);
	($status, $total, %row) = scan($spool);
	is($status, 0, 'when it is free');
	is($row{'/2'}{account}, 'joe@example.com', 'it is read');
	is(scalar @{ $row{'/2'}{damage} }, 0, 'and whole');
};

subtest 'a server that shares is not in the way, nor are we in its' => sub {
	my $spool = fresh_spool();
	message($spool, $_) for 1 .. 3;
	my $held = hold('rwd', map { ("$spool/$_.eml", "$spool/$_.hdr") } 1 .. 3);
	my ($status, $total, %row) = scan($spool);
	is($status, 0, 'scan');
	my ($exit, $sum) = purge($spool, '--account', 'joe@example.com');
	is($sum->{deleted}, 3, 'all are deleted');
	is(files($spool), '', 'and out of the spool');
	let_go($held);
	# Before Windows 10, and under Wine, a deleted file keeps its name in the private folder as long as the server has it open.
	($exit) = purge($spool, '--resume') if $exit == 3;
	is($exit, 0, 'done');
	ok(!-e "$spool/../.spoolsweep-Spool", 'and nothing is left');
};

subtest 'an .eml locked while a purge runs' => sub {
	my $spool = fresh_spool();
	message($spool, $_) for 1 .. 3;
	scan($spool);
	my $held = hold('rw', "$spool/2.eml");		# read by us, not renamed
	my ($exit, $sum, %row) = purge($spool, '--account', 'joe@example.com');
	is($exit, 3, 'some were skipped');
	is($sum->{deleted}, 2, 'the others are deleted');
	is($row{2}{state}, 'busy', 'it is busy');
	like($row{2}{why}, qr/another program holds .*2\.eml open/, 'and why');
	is(files($spool), '2.eml 2.hdr', 'whole, under its own names');
	let_go($held);
	scan($spool);
	($exit, $sum) = purge($spool, '--account', 'joe@example.com');
	is($exit, 0, 'the next purge');
	is($sum->{deleted}, 1, 'takes it');
	is(files($spool), '', 'nothing is left');
};

subtest 'a folder held open without sharing' => sub {
	my $spool = fresh_spool();
	message($spool, 1);
	message("$spool/SubSpool1", 2);
	my $held = hold('-', "$spool/SubSpool1");
	my ($status, $total, %row) = scan($spool);
	is($status, 3, 'it is not "empty"');
	is($total->{unknown}[0], 'SubSpool1', 'but unknown');
	ok($row{'/1'}, 'the rest is read');
	let_go($held);
	($status, $total, %row) = scan($spool);
	is($status, 0, 'when it is free');
	ok($row{'SubSpool1/2'}, 'it is read');
};

subtest 'a folder without access' => sub {
	plan skip_all => 'root may enter every folder under Wine; to be tried by hand' if $^O eq 'linux' && $> == 0;
	my $spool = fresh_spool();
	message($spool, 1);
	message("$spool/SubSpool1", 2);
	chmod 0, "$spool/SubSpool1";
	my ($status, $total, %row) = scan($spool);
	chmod 0755, "$spool/SubSpool1";
	is($status, 3, 'it is not "empty"');
	is($total->{unknown}[0], 'SubSpool1', 'but unknown');
	ok($row{'/1'}, 'the rest is read');
};

subtest 'a path of more than 300 characters' => sub {
	my $spool = fresh_spool() . ('/a-folder-with-a-long-name-of-fifty-characters-xxxxx' x 8) . '/Spool';
	make_path($spool);
	cmp_ok(length $spool, '>', 400, 'long enough');
	message("$spool/SubSpool1", $_) for 1 .. 2;
	my $index = "$work/long.db";
	my $r = sweep({ index => $index }, 'scan', '--json', '--timezone', 'UTC', "smartermail:$spool");
	is($r->{status}, 0, 'scan') or diag $r->{err};
	is((json_lines($r->{out}))[0]{messages}, 2, 'both');
	$r = sweep({ index => $index }, 'purge', '--json', '--account', 'joe@example.com', '--execute', '--yes', '--archive', "$work/long-archives");
	is($r->{status}, 0, 'purge') or diag $r->{err};
	my $sum = (json_lines($r->{out}))[-1];
	is($sum->{deleted}, 2, 'both deleted');
	is(files("$spool/SubSpool1"), '', 'gone');
	$r = sweep({ index => $index }, 'restore', $sum->{archive}, '--execute');
	is($r->{status}, 0, 'restore') or diag $r->{err};
	is(files($spool), '1.eml 1.hdr 2.eml 2.hdr', 'back');
};

subtest 'names that Win32 would change' => sub {
	my $spool = fresh_spool();
	message($spool, $_) for '1 ', '2.', 'NUL', 'COM1', 'AUX.7';
	message("$spool/trailing ", 'dot.');
	message("$spool/point.", 'x');
	my %before = map { ($_ => slurp("$spool/$_")) } split / (?=\w)/, files($spool);
	my ($status, $total, %row) = scan($spool);
	is($status, 0, 'scan');
	is(join('|', sort keys %row), join('|', sort '/1 ', '/2.', '/NUL', '/COM1', '/AUX.7', 'trailing /dot.', 'point./x'), 'each by its own name');
	my ($exit, $sum) = purge($spool, '--account', 'joe@example.com');
	is($exit, 0, 'purge');
	is($sum->{deleted}, 7, 'all');
	is(files($spool) . files("$spool/trailing ") . files("$spool/point."), '', 'gone');
	my $r = sweep({ index => "$spool.db" }, 'restore', $sum->{archive}, '--execute');
	is($r->{status}, 0, 'restore') or diag $r->{err};
	is(slurp("$spool/$_"), $before{$_}, "$_ is as it was") for sort keys %before;
};

subtest 'names that differ only in case' => sub {
	my $spool = fresh_spool();
	message($spool, 'a1');
	message($spool, 'A1', upper => 1);
	message($spool, 'B2', upper => 1);
	my ($status, $total, %row) = scan($spool);
	is($total->{messages}, 3, 'each is a message');
	like(join(' ', @{ $row{"/$_"}{damage} }), qr/names differ only in case/, "$_ is marked") for 'a1', 'A1';
	is(scalar @{ $row{'/B2'}{damage} }, 0, 'capitals alone are no damage');
	my $r = sweep({ index => "$spool.db" }, 'hold', '--id', 'B2', '--execute', '--yes');
	is($r->{status}, 0, 'hold') or diag $r->{err};
	$r = sweep({ index => "$spool.db" }, 'release', '--execute', '--yes');
	is($r->{status}, 0, 'release') or diag $r->{err};
	is(files($spool), 'A1.EML A1.HDR B2.EML B2.HDR a1.eml a1.hdr', 'and keep their spelling');
};

subtest 'a read-only file' => sub {
	my $spool = fresh_spool();
	message($spool, 1);
	chmod 0444, "$spool/1.eml", "$spool/1.hdr";
	scan($spool);
	my ($exit, $sum) = purge($spool, '--account', 'joe@example.com');
	is($exit, 0, 'purge');
	is(files($spool), '', 'it is gone');
};

subtest 'paths as Windows users type them' => sub {
	my $spool = fresh_spool();
	message($spool, 1);
	(my $typed = "Z:$spool") =~ s,/,\\,g;
	for my $path ($typed, "\\\\?\\$typed", "$typed\\", "$typed\\.\\..\\Spool") {
		my $r = sweep({ index => "$typed.db" }, 'scan', '--json', '--timezone', 'UTC', "smartermail:$path");
		is($r->{status}, 0, $path) or diag $r->{err};
		is((json_lines($r->{out}))[0]{spool}, $spool, 'is the same spool');
	}
	ok(-s "$spool.db", 'the index is where it was said');
	my $r = sweep({ index => "$spool.db" }, 'scan', 'smartermail:\\\\.\\PhysicalDrive0');
	is($r->{status}, 1, 'a device is no spool');
};

done_testing();
