# Output of hostile content: inert on terminals, parseable as JSON Lines and CSV, safe in a spreadsheet, and the same in all forms.
use strict;
use warnings;
use Encode qw(decode FB_CROAK);
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Sweep;
use Test::More;

my $dir = work_dir();
my $index = "$dir/index.db";
my @kinds = qw(postfix exim smartermail);
mkspool('--hostile', '--damage', '--truth', "$dir/$_.truth", $_, "$dir/$_", 60) for @kinds;
my $control = qr/[\x00-\x1F\x7F-\x9F\x{202A}-\x{202E}\x{2066}-\x{2069}]/;

# Valid UTF-8 whose only control characters are line ends.
sub inert {
	my ($bytes, $what) = @_;
	my $text = eval { decode('UTF-8', my $copy = $bytes, FB_CROAK) };
	ok(defined $text, "$what is UTF-8") or return;
	(my $rest = $text) =~ s/\n//g;
	my @found = $rest =~ /($control)/g;
	is(scalar @found, 0, "$what is inert") or diag(join ' ', map { sprintf 'U+%04X', ord } @found[0 .. ($#found < 9 ? $#found : 9)]);
	return $text;
}

# RFC 4180: quotes doubled, rows ended by LF.
sub csv_rows {
	my ($text) = @_;
	my (@rows, @row);
	pos($text) = 0;
	while (pos($text) < length $text) {
		if ($text =~ /\G"([^"]*+(?:""[^"]*+)*+)"/gc) {
			(my $cell = $1) =~ s/""/"/g;
			push @row, $cell;
		} elsif ($text =~ /\G([^",\n]*)/gc) {
			push @row, $1;
		}
		next if $text =~ /\G,/gc && do { push @row, '' if $text =~ /\G(?=\n)/gc; 1 };
		$text =~ /\G\n/gc or die 'CSV broken at ' . pos($text) . ': ' . substr($text, pos($text), 60);
		push @rows, [@row];
		@row = ();
	}
	return @rows;
}

sub formula { return $_[0] =~ /^[=+\-@\t\r]/ }

my @scan_args = map { "$dir/$_" } @kinds;
for my $form ([], ['--json'], ['--csv']) {
	my $r = sweep({ index => $index }, 'scan', '--full', @$form, @scan_args);
	is($r->{status}, 3, "scan @$form: damage is exit 3");
	inert($r->{out}, "scan @$form");
	inert($r->{err}, "scan @$form, stderr");
}

my %out;
for my $command ([ 'list' ], [ 'list', '-v' ], [ 'rank' ], [ 'rank', '--by', 'subject', '-v' ], [ 'rank', '--by', 'sender' ], [ 'list', '-i' ]) {
	for my $form ('', '--json', '--csv') {
		my $r = sweep({ index => $index }, @$command, length $form ? $form : ());
		is($r->{status}, 0, "@$command $form: damaged rows are shown, exit 0");
		$out{"@$command $form"} = inert($r->{out}, "@$command $form");
	}
}

# ---- JSON: what was hidden is told, as escapes
my @messages = json_lines(sweep({ index => $index }, 'list', '--json')->{out});
my $raw = $out{'list --json'};
like($raw, qr/\\u001b/, 'an escape character is written as \u001b');
like($raw, qr/\\u202e/, 'a right-to-left override as \u202e');
my @listed = grep { $_->{listed} } map { read_truth("$dir/$_.truth") } @kinds;
cmp_ok(scalar @messages, '>=', 180, 'messages: ' . @messages);
my @keys = qw(spool kind queue id account account_kind domain sender sender_domain client client_name helo protocol local_user uid
    script arrived size recipients pending from subject message_id state reason damage notes);
my ($first) = $raw =~ /^\{(.*)\}$/m;
is_deeply([ grep { my $k = $_; grep { $k eq $_ } @keys } $first =~ /"([a-z_]+)":/g ], \@keys, 'the keys of list in the order of the contract');
is(scalar(grep { keys %$_ != @keys } @messages), 0, 'the same keys in every row');
is(scalar(grep { ref $_->{damage} ne 'ARRAY' || ref $_->{notes} ne 'ARRAY' } @messages), 0, 'damage and notes are arrays');

# ---- CSV: as many cells everywhere, no formula, the same rows as JSON
for my $name ('list --csv', 'rank --csv', 'rank --by subject -v --csv', 'rank --by sender --csv') {
	my @rows = csv_rows($out{$name});
	my $cells = @{ $rows[0] };
	is(scalar(grep { @$_ != $cells } @rows), 0, "$name: every row has $cells cells, rows: " . @rows);
	my @bad = grep { formula($_) } map { @$_ } @rows;
	is(scalar @bad, 0, "$name: no cell begins like a formula") or diag($bad[0]);
	ok(scalar(grep { /^'[=+\-@]/ } map { @$_ } @rows), "$name: there were formulas to disarm") if $name =~ /subject|list/;
}
my ($head, @rows) = csv_rows($out{'list --csv'});
is_deeply($head, \@keys, 'the CSV header is the JSON keys');
is(scalar @rows, scalar @messages, 'as many rows as objects');
my $different = 0;
for my $i (0 .. $#messages) {
	for my $k (0 .. $#keys) {
		my $want = $messages[$i]{ $keys[$k] };
		$want = join '; ', @$want if ref $want;
		$want = '' unless defined $want;
		my $guard = formula($want) ? "'" : '';
		$want =~ s/\t/ /g;
		$want =~ s/[\x00-\x1F\x7F-\x9F\x{2028}-\x{202E}\x{2066}-\x{2069}]/\x{FFFD}/g;
		next if $rows[$i][$k] eq $guard . $want;
		diag("row $i $keys[$k]: '$rows[$i][$k]', not '$guard$want'") if $different++ < 3;
	}
}
is($different, 0, 'every CSV cell is the JSON value, made safe');

# ---- tables: a line a message, whatever its subject holds
is(scalar(split /\n/, $out{'list '}), 1 + @messages, 'the table has a line a message and a heading');

# ---- show, for every message in every form
my %forms = ('' => 0, '--json' => 0, '--csv' => 0);
my ($shown, $unlike, $nth) = (0, 0, 0);
for my $m (@messages) {
	next if $m->{id} =~ /[^ -~]/;	# its name cannot be typed
	next if is_windows() && $nth++ % 4;	# a run takes ten times as long under Wine
	my $form = (sort keys %forms)[$shown % 3];
	my $r = sweep({ index => $index }, 'show', $m->{id}, '--spool', $m->{spool}, '--queue', $m->{queue}, length $form ? $form : ());
	my $text = eval { decode('UTF-8', my $copy = $r->{out} . $r->{err}, FB_CROAK) } // "\x00";
	$text =~ s/\n//g;
	my $good = ($r->{status} == 0 || $r->{status} == 3) && !$r->{signal} && $text !~ $control;
	if ($good && $form eq '--json') {
		my ($o) = json_lines($r->{out});
		$good = ref $o->{recipient_list} eq 'ARRAY' && exists $o->{headers} && ref $o->{evidence} eq 'ARRAY' &&
		    @{ $o->{evidence} } > 0 && ref $o->{history} eq 'ARRAY' && ref $o->{files} eq 'ARRAY' &&
		    !grep { !/\A(?:recipient_list|headers|files|evidence|history|parts|urls|campaign)\z/ && !exists $m->{$_} } keys %$o;
	} elsif ($good && $form eq '--csv') {
		my @r = csv_rows(decode('UTF-8', $r->{out}));
		$good = @r == 2 && @{ $r[0] } == @{ $r[1] } && !grep { formula($_) } @{ $r[1] };
	}
	$shown++;
	diag("show $form $m->{id} in $m->{spool}: exit $r->{status}, signal $r->{signal}: $r->{err}") if !$good && $unlike++ < 5;
}
is($unlike, 0, "show is inert and whole for $shown messages");

# ---- a terminal: cut to its width, coloured, and not with NO_COLOR
SKIP: {
	skip 'Wine draws its own console', 5 if is_windows();
	my $script = (grep { -x "$_/script" } split /:/, $ENV{PATH} // '')[0];
	skip 'script(1) is not installed', 5 unless $script;
	my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
	my $tty = sub {
		my ($env, $width, @args) = @_;
		my $out = `$env TERM=xterm script -qec "stty cols $width; '$program' -q --index '$index' @args" /dev/null </dev/null`;
		$out =~ s/\r//g;
		return decode('UTF-8', $out);
	};
	my $plain = $tty->('NO_COLOR=1', 80, 'list');
	my @lines = split /\n/, $plain;
	unlike(join('', @lines), $control, 'NO_COLOR: no escape at all');
	is(scalar @lines, 1 + @messages, 'a line a message');
	is(scalar(grep { length > 80 } @lines), 0, 'no line is wider than the terminal');
	my $colour = $tty->('NO_COLOR=', 80, 'list');
	like($colour, qr/\e\[1m/, 'colour on a terminal');
	(my $rest = $colour) =~ s/\e\[[0-9]*m//g;
	is($rest, $plain, 'and nothing else differs');
}

# ---- a reader that goes away is quiet
my $program = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
my $status = `bash -c "'$program' --index '$index' list --json 2>'$dir/pipe.err' | head -c 10 >/dev/null; echo \\\${PIPESTATUS[0]}"`;
ok($status == 1 || $status == 0, "a closed pipe is no death by signal (exit $status)");
is(slurp("$dir/pipe.err"), '', 'and no message');
done_testing();
