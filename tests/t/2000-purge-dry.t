# A dry run: what it tells, what it leaves out, that it touches nothing, and every way to say it wrongly.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Find qw(find);
use lib dirname(__FILE__);
use Sweep;
use Test::More;

my $dir = work_dir();
my $index = "$dir/index.db";

# Everything that stat and the bytes can tell of a folder; the access time is the reader's own.
sub snapshot {
	my ($root) = @_;
	my %seen;
	find({ no_chdir => 1, wanted => sub {
		my @st = lstat $_ or die "$_: $!";
		$seen{$_} = join ' ', @st[0 .. 7], $st[9], $st[10], -f _ ? sha256_hex(slurp($_)) : '';
	} }, $root);
	return \%seen;
}

sub dry {
	my @args = @_;
	my $opt = ref $args[0] ? shift @args : { index => $index };
	my $r = sweep($opt, 'purge', '--json', @args);
	my @rows = json_lines($r->{out});
	return { %$r, sums => pop @rows, rows => \@rows };
}

mkspool('--damage', '--hostile', 'postfix', "$dir/pf", 800);
mkspool('--damage', 'exim', "$dir/ex", 200);
mkspool('smartermail', "$dir/sm", 60);
my @roots = map { "$dir/$_" } qw(pf ex sm);
scan_of($index, @roots);
my @all = listing($index);
my @whole = grep { !@{ $_->{damage} } && $_->{state} ne 'incomplete' } @all;
my %before = map { $_ => snapshot($_) } @roots;

like(sweep({ index => $index }, 'scan', $roots[0])->{err}, qr/spoolsweep --index \Q$index\E list --damaged -v/, 'the next step is for this index');

# ---- usage
my @wrong = (
	[ qr/no selector/, 'purge' ],
	[ qr/no selector/, 'purge', '--execute', '--yes' ],
	[ qr/no selector/, 'hold' ],
	[ qr/without one it needs --yes/, 'purge', '--all', '--execute' ],
	[ qr/exclude each other/, 'purge', '--plan', 1, '--resume' ],
	[ qr/takes no selectors/, 'purge', '--plan', 1, '--all' ],
	[ qr/takes no selectors/, 'purge', '--resume', '--all' ],
	[ qr/takes no selectors/, 'purge', '--undo', 1, '--sender', 'a@b.example' ],
	[ qr/--limit belongs to the making/, 'purge', '--plan', 1, '--limit', 3 ],
	[ qr/--scan belongs to the making/, 'purge', '--resume', '--scan' ],
	[ qr/"0" is no number/, 'purge', '--all', '--limit', 0 ],
	[ qr/"20" is no number/, 'purge', '--all', '--level', 20 ],
	[ qr/is no duration/, 'purge', '--all', '--watch', 'soon' ],
	[ qr/no option --stop/, 'purge', '--all', '--stop' ],
	[ qr/one word too many/, 'purge', '--all', 'word' ],
	[ qr/mainlog/, 'purge', '--all', '--mainlog', "$dir/absent" ],
	[ qr/--contains/, 'release', '--contains', 'x' ],
);
for my $w (@wrong) {
	my ($says, @args) = @$w;
	my $r = sweep({ index => $index }, @args);
	is($r->{status}, 64, "exit 64: @args");
	like($r->{err}, $says, '  and says why');
	is($r->{out}, '', '  and gives no data');
}
for my $args ([ 'purge', '--plan', 7, '--execute', '--yes' ], [ 'purge', '--resume', 7 ], [ 'purge', '--undo', 7, '--execute' ]) {
	my $r = sweep({ index => $index }, @$args);
	is($r->{status}, 1, "no such plan is exit 1: @$args");
	like($r->{err}, qr/no plan 7/, '  and said');
}
my $r = sweep({ index => $index }, 'purge', '--resume');
is($r->{status}, 0, '--resume with nothing to resume');
like($r->{err}, qr/no plan is unfinished/, '  says so');
is(sweep({ index => "$dir/none.db" }, 'purge', '--all')->{status}, 1, 'no index is exit 1');
ok(!-e "$dir/none.db", '  and makes none');
my $none = sweep({ index => $index }, 'plans');
is($none->{out}, '', 'none of this made a plan');
is($none->{status}, 0, '  which is no error');
like($none->{err}, qr/nothing was planned yet/, '  but said');
is(sweep({ index => $index }, 'plans', '--csv')->{out} =~ tr/\n//, 1, '  in CSV by the header line alone');

# ---- --where is an expression and nothing else
for my $where ("1); ATTACH '$dir/evil.db' AS y; SELECT (1", "1; ATTACH '$dir/evil.db' AS y", '1; DELETE FROM message', "load_extension('$dir/evil.so')",
    "readfile('/etc/passwd') IS NOT NULL", "writefile('$dir/evil', 'x') > 0", "edit('x') = ''", "fts3_tokenizer('simple') IS NULL",
    'EXISTS (SELECT 1 FROM sqlite_schema)', 'EXISTS (SELECT 1 FROM pragma_database_list)', '(DELETE FROM message)',
    'EXISTS (SELECT value FROM meta)') {
	my $r = sweep({ index => $index }, 'purge', '--json', '--where', $where);
	is($r->{status}, 64, "refused: --where $where");
	is($r->{out}, '', '  with no data');
}
ok(!glob("$dir/evil*"), 'and no file was made');
is(scalar(listing($index)), scalar(@all), 'nor a row removed');
is(dry('--where', 'recipients > 1')->{sums}{planned}, scalar(grep { $_->{recipients} && $_->{recipients} > 1 } @whole), 'an honest --where works');

# ---- numbers
my $d = dry('--all');
is($d->{status}, 0, 'a dry run exits 0');
is($d->{sums}{planned}, scalar(@whole), 'all but the damaged and incomplete are planned');
is_deeply([ sort map { "$_->{spool} $_->{id}" } @{ $d->{rows} } ], [ sort map { "$_->{spool} $_->{id}" } @whole ], '  each by its id');
ok(!(grep { $_->{state} ne 'planned' } @{ $d->{rows} }), '  all are planned');
is_deeply([ @{ $d->{sums} }{qw(archive sha256 before after vanished)} ], [ (undef) x 5 ], '  there is no archive');
is_deeply($d->{sums}{unknown}, [], '  all queues are known');
is_deeply([ @{ $d->{sums} }{qw(taken archived verified deleted changed busy gone failed)} ], [ (0) x 8 ], '  nothing was done');
like($d->{err}, qr/\d+ damaged messages were left out/, 'damaged ones are said');
like($d->{err}, qr/to carry it out: spoolsweep --index \Q$index\E purge --plan $d->{sums}{plan} --execute/, 'the command is given');

my %number;
$number{ $_->{account} }++ for grep { defined $_->{account} } @whole;
my ($top) = sort { $number{$b} <=> $number{$a} || $a cmp $b } keys %number;
is(dry('--account', $top)->{sums}{planned}, $number{$top}, "by account as list: $number{$top} of $top");
my @damaged = grep { @{ $_->{damage} } && $_->{state} ne 'incomplete' } @all;
ok(@damaged > 10, scalar(@damaged) . ' damaged messages');
is(dry('--damaged')->{sums}{planned}, scalar(@damaged), '--damaged selects the damaged');
is(dry('--id', $damaged[0]{id})->{sums}{planned}, scalar(grep { $_->{id} eq $damaged[0]{id} } @all), '--id selects a damaged one');
my ($incomplete) = grep { $_->{state} eq 'incomplete' } @all;
SKIP: {
	skip 'no incomplete message was made', 2 unless $incomplete;
	is(dry('--id', $incomplete->{id})->{sums}{planned}, 1, '--id selects an incomplete one');
	my $queue = dry('--queue', $incomplete->{queue}, '--spool', $incomplete->{spool});
	ok(!(grep { $_->{id} eq $incomplete->{id} } @{ $queue->{rows} }), 'its queue does not');
}
$d = dry('--all', '--limit', 7);
is($d->{sums}{planned}, 7, '--limit stops after 7');
is_deeply([ map { $_->{id} } @{ $d->{rows} } ], [ map { $_->{id} } @whole[0 .. 6] ], '  the oldest');
$d = dry('--account', 'nobody@nowhere.example');
is($d->{status}, 0, 'nothing selected is no failure');
is_deeply([ @{ $d->{sums} }{qw(plan planned)} ], [ undef, 0 ], '  and no plan');
my $text = (grep { $_->{subject} && $_->{kind} eq 'postfix' && length $_->{subject} > 8 && $_->{subject} =~ /^[\w ]+$/ } @whole)[0]{subject};
is(dry('--contains', $text)->{sums}{planned}, scalar(grep { !@{ $_->{damage} } && $_->{state} ne 'incomplete' } listing($index, '--contains', $text)),
    '--contains agrees with list');
my @csv = split /\n/, sweep({ index => $index }, 'purge', '--csv', '--all', '--limit', 3)->{out};
is($csv[0], 'id,spool,state,queue,why', 'CSV has its header');
is(scalar(@csv), 4, 'and a line a message');

# ---- SmarterMail's own folders
SKIP: {
	my ($m) = grep { $_->{kind} eq 'smartermail' && $_->{queue} eq '' && $_->{state} eq 'queued' } @whole;
	skip 'no message in the root of the spool', 3 unless $m;
	my $opt = { index => "$dir/sm2.db" };
	mkdir "$dir/two" or die $!;
	system('cp', '-a', "$dir/sm", "$dir/two/sm") == 0 or die 'cp';
	mkdir "$dir/two/sm/proc";
	for my $f (glob "$dir/two/sm/$m->{id}.*") { rename $f, "$dir/two/sm/proc/" . (split m{/}, $f)[-1] or die $! }
	scan_of($opt->{index}, "$dir/two/sm");
	my $d = dry($opt, '--all');
	ok(!(grep { $_->{id} eq $m->{id} } @{ $d->{rows} }), 'what lies in proc is left out');
	like($d->{err}, qr/1 message in proc, Quarantine, Drop or delay was left out/, '  which is said');
	is(dry($opt, '--queue', 'proc')->{sums}{planned}, 1, '  and --queue names it');
}

# ---- the report for people
{
	my %of;			# subject => accounts
	for my $m (@whole) {
		$of{ $m->{subject} }{ $m->{account} } = 1 if defined $m->{subject} && $m->{subject} ne '' && defined $m->{account};
	}
	my ($subject) = sort { keys %{ $of{$b} } <=> keys %{ $of{$a} } || $a cmp $b } grep { /^[ -~]+$/ && !/[*?']/ } keys %of;
	my ($account) = sort keys %{ $of{$subject} };
	my @mine = grep { $_->{account} && $_->{account} eq $account } @whole;
	my %subjects = map { $_->{subject} => 1 } grep { defined $_->{subject} && $_->{subject} ne '' } @mine;
	my $near = grep { defined $_->{account} && $_->{account} ne $account && defined $_->{subject} && $subjects{ $_->{subject} } } @all;
	my $near_one = grep { defined $_->{account} && $_->{account} ne $account && ($_->{subject} // '') eq $subject } @all;
	ok($near_one > 0, "$near_one messages of other accounts have the subject $subject");
	my $r = sweep({ index => $index }, 'purge', '--account', $account, '--subject', $subject, '--archive', "$dir/new/archive");
	is($r->{status}, 0, 'a report');
	like($r->{out}, qr/^ +$near_one more messages with this subject belong to other accounts$/m, '  tells what is near');
	like($r->{out}, qr/^Near, and staying: $near_one messages/m, '  and how much in all');
	unlike($r->{out}, qr/^Swept in/m, '  nothing is swept in');
	my $chosen = grep { $_->{account} && $_->{account} eq $account && ($_->{subject} // '') eq $subject } @whole;
	like($r->{out}, qr/^Plan \d+ \(purge\): $chosen messages, /m, '  the number');
	like($r->{out}, qr/^selection +--account /m, '  the selection');
	like($r->{out}, qr/^  \Q$dir\E\/new\/archive: at most \S+ is needed, \S+ is free$/m, '  the space');
	ok(!-e "$dir/new", '  but makes no folder for it');
	like($r->{out}, qr/its MTA does not run/, '  whether the MTA runs');
	like($r->{out}, qr/^  spoolsweep --index \Q$index\E purge --plan \d+ --execute --archive \Q$dir\E\/new\/archive$/m, '  the command');
	like(sweep({ index => $index }, 'purge', '--account', $account)->{out}, qr/^Near, and staying: $near messages/m, 'near of all subjects');
	my $others = grep { !$_->{account} || $_->{account} ne $account } grep { ($_->{subject} // '') eq $subject } @whole;
	like(sweep({ index => $index }, 'purge', '--subject', $subject)->{out}, qr/^Swept in: \d+ messages of \d+ accounts beside the largest/m,
	    'what a text sweeps in is said') if $others > 0;
	my $hold = sweep({ index => $index }, 'hold', '--account', $account);
	like($hold->{out}, qr/hold --plan \d+ --execute$/m, 'hold gives its own command');
	unlike($hold->{out}, qr/^Archive/m, 'and speaks of no archive');
	my ($n) = $hold->{out} =~ /^Plan (\d+)/m;
	is(sweep({ index => $index }, 'purge', '--plan', $n, '--execute', '--yes')->{status}, 1, 'purge does not carry out a plan of hold');
}

# ---- plans
my @plans = json_lines(sweep({ index => $index }, 'plans', '--json')->{out});
is_deeply([ map { $_->{plan} } @plans ], [ 1 .. @plans ], 'plans are numbered from 1, each once');
ok(!(grep { $_->{state} ne 'planned' || $_->{started} || $_->{archive} } @plans), 'none was begun');
is($plans[1]{planned}, scalar(@whole), 'with its count');
is($plans[1]{selection}, '--all', 'and its selection');
my $again = sweep({ index => $index }, 'purge', '--plan', $plans[1]{plan}, '--json');
is(scalar(json_lines($again->{out})), @whole + 1, 'a stored plan is shown again');
is(scalar(json_lines(sweep({ index => $index }, 'plans', '--json')->{out})), scalar(@plans), 'which makes no other');
is(sweep({ index => $index }, 'plans', '--csv')->{out} =~ tr/\n//, @plans + 1, 'plans --csv');
is(sweep({ index => "$dir/nowhere/x.db" }, 'plans')->{status}, 1, 'neither index nor journal is exit 1');

# ---- and nothing was touched
is_deeply(snapshot($_), $before{$_}, "nothing changed in $_") for @roots;
ok(!-e "$_/.spoolsweep", "no private folder in $_") for @roots;
done_testing();
