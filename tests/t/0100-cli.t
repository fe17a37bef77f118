# The command line: help, versions, every kind of mistake, and that the manual and the completions say what the program says.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Sweep;
use Test::More;

my @commands = qw(spools scan rank list show purge hold release plans verify restore check report prune evidence dnsbl schedule);
my $dir = work_dir();
my $index = "$dir/index.db";

sub squeeze { my ($s) = @_; $s =~ s/\s+/ /g; $s =~ s/^ | $//g; return $s }

# ---- help
my $help = sweep('help');
is($help->{status}, 0, 'help exits 0');
is($help->{err}, '', 'help is data: nothing on stderr');
is_deeply([ $help->{out} =~ /^  (\w+) +\S.*$/mg ], \@commands, 'help lists the commands that exist, and no others');
is(sweep('--help')->{out}, $help->{out}, '--help says the same');
is(sweep('-h')->{out}, $help->{out}, '-h says the same');
my ($global) = $help->{out} =~ /^usage: (.*) COMMAND \.\.\.$/m;
ok(defined $global, 'the usage line of the program');

my %usage;
for my $c (@commands) {
	my $r = sweep('help', $c);
	is($r->{status}, $c eq 'check' ? 3 : 0, "help $c exits " . ($c eq 'check' ? '3, as of a plugin' : 0));
	is(sweep($c, '--help')->{out}, $r->{out}, "$c --help says the same");
	($usage{$c}) = $r->{out} =~ /^usage: \Q$global\E (.*)$/m;
	like($usage{$c} // '', qr/^$c\b/, "$c has a usage line");
	my $selects = $r->{out} =~ /^Selectors/m ? 1 : 0;
	is($selects, $usage{$c} =~ /SELECTORS/ ? 1 : 0, "$c: help lists selectors exactly when the usage names them");
}
like(sweep('--version')->{out}, qr/^spoolsweep \d+\.\d+\.\d+\n$/, '--version');

# ---- the manual
my $mandoc = (grep { -x "$_/mandoc" } split /:/, $ENV{PATH} // '')[0];
SKIP: {
	skip 'mandoc is not installed', 1 unless $mandoc;
	my $man = top_dir() . '/cmd/spoolsweep.1';
	my $text = `mandoc -Tascii -Owidth=300 '$man' | col -b`;
	my ($synopsis) = $text =~ /^SYNOPSIS\n(.*?)^DESCRIPTION/ms;
	my @lines = map { squeeze($_) } split /\n/, $synopsis // '';
	my %in = map { $_ => 1 } @lines;
	ok($in{ squeeze("$global COMMAND ...") }, 'the manual has the global usage');
	for my $c (@commands) {
		ok($in{ squeeze("spoolsweep $usage{$c}") }, "the manual has the synopsis of $c") or diag(join "\n", @lines);
	}
	is(scalar(grep { length } @lines), 2 + @commands, 'and no other (but help)');
	is(`mandoc -Tlint -W warning '$man' 2>&1`, '', 'the manual is clean');
	my %options;
	for my $c (@commands) {
		$options{$_} = 1 for sweep('help', $c)->{out} =~ /^  (?:-\w, |    )?(--[a-z-]+)/mg;
	}
	ok(scalar(keys %options) > 30, 'options found in the help: ' . scalar keys %options);
	is(join(' ', grep { $text !~ /\Q$_\E(?![a-z-])/ } sort keys %options), '', 'every option of the help is in the manual');
	for my $file (qw(spoolsweep.bash _spoolsweep spoolsweep.fish spoolsweep.ps1)) {
		my $script = slurp(top_dir() . "/cmd/completions/$file");
		my @missing = grep {
			my ($word) = /^--(.*)/;
			$script !~ ($file =~ /fish/ ? qr/(?:-l |^for s in[^\n]*(?:\n\t[^\n]*)?)\b\Q$word\E(?![a-z-])/m : qr/--\Q$word\E(?![a-z-])/)
			    && !($file =~ /fish/ && $script =~ /for s in [^;]*?\b\Q$word\E\b/)
		} sort keys %options;
		is(join(' ', @missing), '', "$file completes every option");
	}
}

# ---- mistakes: exit 64, a sentence on stderr, nothing on stdout, no index made
my @mistakes = (
	[ qr/no command/ ],
	[ qr/no command "nonsense"/, 'nonsense' ],
	[ qr/did you mean scan\?/, 'scna' ],
	[ qr/did you mean --recipient\?/, 'list', '--recipiet', 'x' ],
	[ qr/no option --nothing-like-it; see spoolsweep list --help/, 'list', '--nothing-like-it' ],
	[ qr/no option -Z/, 'list', '-Z' ],
	[ qr/needs a value/, 'list', '--account' ],
	[ qr/takes no value/, 'list', '--frozen=yes' ],
	[ qr/exclude each other/, '--json', 'list', '--csv' ],
	[ qr/exclude each other/, 'list', '-c', '-i' ],
	[ qr/one word too many/, 'rank', 'word' ],
	[ qr/usage: spoolsweep show ID/, 'show' ],
	[ qr/no --by colour/, 'rank', '--by', 'colour' ],
	[ qr/"many" is no number/, 'rank', '-n', 'many' ],
	[ qr/"-3" is no number/, 'rank', '-n', '-3' ],
	[ qr/"0" is no number/, 'scan', '--threads', '0', $dir ],
	[ qr/Nowhere\/Land/, 'scan', '--timezone', 'Nowhere/Land', $dir ],
	[ qr/soon/, 'list', '--older', 'soon' ],
	[ qr/re:\(|missing/, 'list', '--subject', 're:(' ],
	[ qr/only with --contents/, 'scan', '--url', 'x', $dir ],
	[ qr/--csv needs a folder/, '--csv', 'report' ],
	[ qr/needs a value/, 'report', '--csv' ],
	[ qr/only one form can go to stdout/, 'report', '--html', '-', '--text' ],
	[ qr/name of a file or folder is empty/, 'report', '--html', '' ],
	[ qr/looked for/, 'scan', $dir ],
	[ qr/no such kind/, 'scan', "qmail:$dir" ],
);
for my $m (@mistakes) {
	my ($says, @args) = @$m;
	my $r = sweep({ index => $index }, @args);
	is($r->{status}, 64, "exit 64: @args");
	like($r->{err}, $says, "  and says why");
	is($r->{out}, '', '  and gives no data');
}
ok(!-e $index, 'no mistake made an index');

# ---- failures that are no mistakes of usage
for my $args ([ 'list' ], [ 'rank' ], [ 'show', 'ABC' ], [ 'list', '-c' ]) {
	my $r = sweep({ index => $index }, @$args);
	is($r->{status}, 1, "no index yet is exit 1: @$args");
	like($r->{err}, qr/\Q$index\E.*scan/s, '  names the index and what to do');
}
my $r = sweep({ index => $index }, 'scan', "$dir/absent");
is($r->{status}, 1, 'a folder that cannot be read is exit 1');

# ---- words in any order, the index by three ways
mkspool('postfix', "$dir/pf", 20);
is(sweep('scan', '--index', $index, "$dir/pf")->{status}, 0, 'scan a small spool');
my $all = sweep('--index', $index, '--json', 'list')->{out};
is(scalar(json_lines($all)), 20, '20 messages');
is(sweep('list', '--json', "--index=$index")->{out}, $all, 'global options behind the command');
{
	local $ENV{SPOOLSWEEP_INDEX} = $index;
	is(sweep('list', '--json')->{out}, $all, 'SPOOLSWEEP_INDEX');
	is(sweep('--index', "$dir/other.db", 'list')->{status}, 1, '--index wins over SPOOLSWEEP_INDEX');
}
is(sweep({ index => $index }, 'list', '-c')->{out}, "20\n", 'list -c');
is_deeply([ json_lines(sweep({ index => $index }, 'list', '-c', '--json')->{out}) ], [ { messages => 20 } ], 'list -c --json');
my @ids = split /\n/, sweep({ index => $index }, 'list', '-i')->{out};
is_deeply(\@ids, [ map { $_->{id} } json_lines($all) ], 'list -i');
is(sweep({ index => $index, in => join("\n", @ids[0 .. 4]) . "\n" }, 'list', '-c', '--id', '-')->{out}, "5\n", '--id - reads ids');
is(sweep({ index => $index, in => '' }, 'list', '-c', '--id', '-')->{out}, "0\n", 'no ids on stdin is no message, not every message');

# ---- a spool given twice or badly does not keep the others from being scanned
$r = sweep({ index => $index }, 'scan', '--json', "$dir/absent", "$dir/pf", $dir);
is($r->{status}, 1, 'the worst status wins');
is((json_lines($r->{out}))[0]{messages}, 20, 'and the good spool was scanned');

# ---- show: which message, when several have the id; one that has gone
{
	my $two = "$dir/two.db";
	system('cp', '-a', "$dir/pf", "$dir/pf2") == 0 or die 'cp';
	sweep_ok({ index => $two }, 'scan', "$dir/pf", "$dir/pf2");
	my ($m) = listing($two, '--spool', "$dir/pf2");
	my $r = sweep({ index => $two }, 'show', '--json', $m->{id});
	is($r->{status}, 64, 'show of an id in two spools is a question');
	is(scalar(() = $r->{err} =~ /--spool \Q$dir\E\/pf2? --queue/g), 2, 'that names both');
	$r = sweep({ index => $two }, 'show', '--json', $m->{id}, '--spool', "$dir/pf2");
	is($r->{status}, 0, 'and --spool answers it');
	my ($o) = json_lines($r->{out});
	is($o->{spool}, $m->{spool}, 'the right one');
	is_deeply({ map { $_ => $o->{$_} } keys %$m }, $m, 'show has the keys and values of list');
	is(scalar @{ $o->{recipient_list} }, $m->{recipients}, 'all recipients');
	my ($subject) = map { $_->[1] } grep { lc $_->[0] eq 'subject' } @{ $o->{headers} };
	is($subject, $m->{subject}, 'headers are pairs, decoded');
	ok(!(grep { (stat "$dir/pf2/$_->{path}")[7] != $_->{size} } @{ $o->{files} }), 'files are where they are said to be');
	is(sweep({ index => $two }, 'show', '--id', $m->{id}, $m->{id})->{status}, 64, 'no --id beside the id');
	is(sweep({ index => $two }, 'show', 'NOSUCHID')->{status}, 1, 'an id that is not there is exit 1');

	unlink "$dir/pf2/$_->{path}" for @{ $o->{files} };
	for my $after ('since the scan', 'and the index knows') {
		$r = sweep({ index => $two }, 'show', '--json', $m->{id}, '--spool', "$dir/pf2");
		is($r->{status}, 0, "a message that has gone $after is shown from the index");
		my ($gone) = json_lines($r->{out});
		is($gone->{headers}, undef, '  headers are not known any more');
		is_deeply($gone->{files}, [], '  there are no files');
		is($gone->{subject}, $m->{subject}, '  the envelope is');
		sweep_ok({ index => $two }, 'scan', "$dir/pf2");
	}
	is(sweep({ index => $two }, 'show', $m->{id}, '--json')->{status}, 0, 'of a gone one and a present one the present is meant');

	# a queue that was not wholly read
	SKIP: {
		skip 'Wine follows links', 11 if is_windows();
		rename "$dir/pf2/deferred", "$dir/pf2-deferred" or die $!;
		symlink "$dir/pf2-deferred", "$dir/pf2/deferred" or die $!;
		is(sweep({ index => $two }, 'scan', "$dir/pf2")->{status}, 3, 'a queue folder that is a link: exit 3');
		for my $args ([ 'list' ], [ 'list', '-c' ], [ 'rank' ], [ 'list', '-q', '--queue', 'deferred' ]) {
			$r = sweep({ index => $two }, @$args);
			is($r->{status}, 3, "@$args: a queue that was not read is exit 3");
			like($r->{err}, qr/UNKNOWN: deferred/, '  and named');
		}
		is(sweep({ index => $two }, 'list', '--spool', "$dir/pf")->{status}, 0, 'not when another spool is meant');
		is(sweep({ index => $two }, 'list', '--queue', 'hold')->{status}, 0, 'nor another queue');
	}
	$r = sweep({ index => $two }, 'list', '-c', '--spool', '/nowhere');
	is($r->{status}, 3, 'a spool that was never scanned is not empty but unknown');
}

# ---- the age of the index
SKIP: {
	skip 'sqlite3 is not installed', 4 unless grep { -x "$_/sqlite3" } split /:/, $ENV{PATH} // '';
	unlike(sweep({ index => $index }, 'list', '-c')->{err}, qr/ago/, 'a fresh index is not spoken of');
	system('sqlite3', $index, 'update scan set finished = finished - 3 * 3600 * 1000000') == 0 or die 'sqlite3';
	like(sweep({ index => $index }, $_, '-n', 1)->{err}, qr/was scanned 3 h 0 min ago/, "$_ says how old the index is") for 'rank';
	like(sweep({ index => $index }, 'list', '-c')->{err}, qr/was scanned 3 h 0 min ago/, 'list says how old the index is');
	is(sweep({ index => $index }, 'list', '-c', '-q')->{err}, '', '-q does not');
}

# ---- stdout that cannot be written
SKIP: {
	skip '/dev/full is not here', 2 unless -c '/dev/full';
	my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
	is(finish(begin({ out => '/dev/full', err => "$dir/full.err" }, $program, '--index', $index, 'list', '--json')) >> 8, 1,
	    'a full disk behind stdout is exit 1');
	like(slurp("$dir/full.err"), qr/write to stdout: No space/, 'and is said');
}
done_testing();
