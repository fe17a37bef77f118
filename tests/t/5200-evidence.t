# What other servers say of this one: replies of the spools by list and kind, and replies given by hand.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Sweep;
use Test::More;

my $dir = work_dir();
my $index = "$dir/index.db";
my @keys = qw(category about_us about list operator messages queued replies first last domains addresses url closed sample complete);
my @reply_keys = qw(text category about_us list operator address url);

sub judged { return json_lines(sweep_ok({ in => $_[0] }, 'evidence', '--json', '--reply', '-')->{out}) }

# ---- by hand
{
	my $text = 'host mx.a.example[192.0.2.1] said: 554 5.7.1 Client host [198.51.100.25] blocked using bl.spamcop.net';
	my $r = sweep_ok('evidence', '--json', '--reply', $text);
	my ($o) = json_lines($r->{out});
	is_deeply([ sort keys %$o ], [ sort @reply_keys ], 'an object of the keys, and no others');
	is_deeply([ $r->{out} =~ /"(\w+)":/g ], \@reply_keys, 'in their order');
	is_deeply($o, { text => $text, category => 'listed', about_us => JSON::PP::true, list => 'spamcop', operator => $o->{operator},
	    address => '198.51.100.25', url => 'https://www.spamcop.net/bl.shtml?198.51.100.25' }, 'list, our address, the page');
	like($o->{operator}, qr/SpamCop/, 'and its operator');

	my @o = judged("$text\r\n\n452 4.2.2 Mailbox full\n550 1.2.3 blocked \x1b[31m\0 \xff\n550 5.7.1 blocked using dnsbl.sorbs.net");
	is(scalar @o, 4, 'standard input: a reply a line, empty ones are none, the last needs no end');
	is($o[0]{text}, $text, 'without the end of the line');
	is($o[1]{category}, 'recipient', 'a full mailbox');
	ok(!$o[1]{about_us}, 'is not about us');
	is($o[1]{url}, undef, 'what is absent is null');
	is($o[3]{list}, 'sorbs', 'a list that is closed is named');
	is(sweep({ in => '' }, 'evidence', '--reply', '-')->{status}, 0, 'no reply at all');
	is(scalar(judged('550 ' . 'spam ' x 100_000)), 1, 'a reply of half a megabyte');
	$r = sweep({ in => 'x' x 2_000_000 }, 'evidence', '--json', '--reply', '-');
	is($r->{status}, 3, 'one that is cut is said so');
	like($r->{err}, qr/cut/, '  with a word');
	for my $end ('', "\n", "\r\n") {
		$r = sweep({ in => 'x' x 1_048_576 . $end }, 'evidence', '--json', '--reply', '-');
		is("$r->{status} $r->{err}", '0 ', 'one of 1 MiB is whole, its end not counted');
	}
	# Any bytes and much of them: one object a line, escaped. Work that grew with the square of the length would not end.
	for my $piece ("1.", "<a\@b", "user a\@", " said: ", "connection from 1 ", "1.1.1.1.bl.", "ip blocked ", "\0", "\x1b[31m", "\xff", "\xc3", "\xc2\x9b", "\xe2\x80\xae", "198.51.100.7 ") {
		my $text = substr $piece x (1_000_000 / length($piece) + 1), 0, 1_000_000;
		$r = sweep({ in => "$text\r\n\r\n550 last" }, 'evidence', '--json', '--reply', '-');
		my $name = join '', map { /[ -~]/ ? $_ : sprintf '\\x%02x', ord } split //, $piece;
		is("$r->{status} " . scalar(json_lines($r->{out})), '0 2', "a megabyte of $name: an object a line");
		unlike($r->{out}, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]/, '  nothing that a terminal obeys');
	}

	$r = sweep_ok('evidence', '--csv', '--reply', $text, '--reply', '=1+1');
	my @lines = split /\n/, $r->{out};
	is($lines[0], join(',', @reply_keys), 'CSV has a header');
	like($lines[2], qr/^'=1\+1,unknown,false,/, 'and is safe for spreadsheets');
	$r = sweep_ok('evidence', '--reply', "550 \x1b]0;x\x07 listed at zen.spamhaus.org");
	unlike($r->{out}, qr/\x1b|\x07/, 'a table is safe for terminals');
	like($r->{out}, qr/listed +yes +spamhaus-zen/, 'and says it');

	my %kinds = ('554 blocked using zen.spamhaus.org; Error: open resolver; https://check.spamhaus.org/returnc/pub/1' => 'misconfigured',
	    '451 4.7.1 Greylisted, come back' => 'greylist', '421 4.7.0 too many connections from 198.51.100.25' => 'rate',
	    '550 no PTR record for 198.51.100.25' => 'policy', '550 this is spam' => 'content', '554 poor reputation' => 'reputation',
	    '421 4.4.2 timeout' => 'unknown');
	my @texts = sort keys %kinds;
	@o = judged(join("\n", @texts) . "\n");
	is($o[$_]{category}, $kinds{ $texts[$_] }, "$kinds{$texts[$_]}: $texts[$_]") for 0 .. $#texts;
	is(join(' ', map { $_->{category} } grep { $_->{about_us} } @o), 'rate policy reputation', 'those about us') or diag explain \@o;
}
for my $args ([ '--reply', 'x', "$dir/pf" ], [ '--reply', 'x', '--account', 'a' ], [ '--reply', 'x', '--gone' ], [ '--older', 'soon' ]) {
	my $r = sweep({ index => $index }, 'evidence', @$args);
	is($r->{status}, 64, "usage: @$args");
	is($r->{out}, '', '  no data');
}
is(sweep({ index => $index }, 'evidence')->{status}, 1, 'no index yet');

# ---- the replies of spools, counted here once more from every message
mkspool('postfix', "$dir/pf", 25);
mkspool('exim', "$dir/exim", 25);
sweep_ok({ index => $index }, 'scan', "$dir/pf", "$dir/exim");

sub counted {
	my @selectors = @_;
	my (@reply, %want);
	for my $m (listing($index, @selectors)) {
		my ($o) = json_lines(sweep_ok({ index => $index }, 'show', '--json', $m->{id}, '--spool', $m->{spool})->{out});
		my @r = grep { defined $_->{reply} && $_->{state} ne 'removed' } @{ $o->{recipient_list} };
		push @reply, map { [ $m, $_->{reply}, (split /@/, $_->{address})[-1] ] } @r;
		push @reply, [ $m, $m->{reason}, undef ] if !@r && defined $m->{reason};
	}
	my @o = judged(join '', map { my $t = $_->[1]; $t =~ s/[\r\n]+/ /g; "$t\n" } @reply);
	for my $i (0 .. $#reply) {
		my $w = $want{ join '|', map { $_ // '-' } @{ $o[$i] }{qw(category list operator)} } //= { replies => 0 };
		$w->{replies}++;
		$w->{messages}{ $reply[$i][0]{id} } = $reply[$i][0]{arrived};
		$w->{domains}{ $reply[$i][2] }++ if defined $reply[$i][2];
		$w->{addresses}{ $o[$i]{address} }++ if defined $o[$i]{address};
	}
	return \%want;
}

sub same {
	my ($name, $want, $rows) = @_;
	is(scalar @$rows, scalar keys %$want, "$name: as many rows");
	my @wrong;
	for my $row (@$rows) {
		my $w = $want->{ join '|', map { $_ // '-' } @{$row}{qw(category list operator)} };
		my @times = sort values %{ $w->{messages} };
		push @wrong, $row if !$w || $w->{replies} != $row->{replies} || keys %{ $w->{messages} } != $row->{messages}
		    || join(',', sort keys %{ $w->{domains} }) ne join(',', sort @{ $row->{domains} })
		    || join(',', sort keys %{ $w->{addresses} }) ne join(',', sort @{ $row->{addresses} })
		    || substr($times[0], 0, 19) ne substr($row->{first}, 0, 19) || substr($times[-1], 0, 19) ne substr($row->{last}, 0, 19);
	}
	is(scalar @wrong, 0, "$name: counts, times, domains and addresses are those of the messages") or diag explain \@wrong, $want;
}

my @rows = json_lines(sweep_ok({ index => $index }, 'evidence', '--json')->{out});
is_deeply([ sort keys %{ $rows[0] } ], [ sort @keys ], 'the keys');
same('all', counted(), \@rows);
ok((grep { $_->{list} && $_->{list} eq 'spamhaus-zen' && $_->{operator} eq 'Spamhaus' } @rows), 'Spamhaus is among them');
is_deeply([ map { $_->{about_us} ? 1 : 0 } @rows ], [ sort { $b <=> $a } map { $_->{about_us} ? 1 : 0 } @rows ], 'about us first');
@rows = json_lines(sweep_ok({ index => $index }, 'evidence', '--json', "$dir/exim")->{out});
same('one spool', counted('--spool', "$dir/exim"), \@rows);
my ($m) = grep { defined $_->{reason} } listing($index, '--spool', "$dir/pf");
@rows = json_lines(sweep_ok({ index => $index }, 'evidence', '--json', '--id', $m->{id})->{out});
same('one message', counted('--id', $m->{id}), \@rows);
my $table = sweep_ok({ index => $index }, 'evidence', '-v')->{out};
like($table, qr/^KIND +ABOUT US +LIST/, 'the table');
like($table, qr/^listed +yes +spamhaus-zen +Spamhaus/m, '  has the list');
like($table, qr/^    .*Client host \[198\.51\.100\.25\] blocked using/m, '  and with -v a reply');
my @csv = split /\n/, sweep_ok({ index => $index }, 'evidence', '--csv')->{out};
is($csv[0], join(',', @keys), 'CSV');

# ---- a dead list, words of a stranger, what has left
{
	my ($file) = glob "$dir/pf/defer/*/*";
	my $id = (split m{/}, $file)[-1];
	my $log = slurp($file);
	my ($rcpt) = $log =~ /^recipient=(.*)$/m;
	spew($file, "recipient=$rcpt\nstatus=5.7.1\naction=delayed\ndiag_type=smtp\ndiag_text=550 \x1b[2J\x{07}198.51.100.77 listed at dnsbl.sorbs.net\n"
	    . "reason=host mx.x.example[192.0.2.1] said: 550 \x1b[2J\x{07}198.51.100.77 listed at dnsbl.sorbs.net\n\n");
	sweep_ok({ index => $index }, 'scan', "$dir/pf");
	my ($sorbs) = grep { ($_->{list} // '') eq 'sorbs' } json_lines(sweep_ok({ index => $index }, 'evidence', '--json')->{out});
	is($sorbs->{closed}, '2024-06-05', 'a list that is closed says since when');
	is($sorbs->{url}, undef, 'and there is nowhere to delist');
	is_deeply($sorbs->{addresses}, ['198.51.100.77'], 'our address in the reply');
	my $t = sweep_ok({ index => $index }, 'evidence', '-v')->{out};
	like($t, qr/closed since 2024-06-05: nothing to delist/, 'the table says it');
	unlike($t, qr/[\x1b\x07]/, 'control bytes of a reply do not reach the terminal');

	sweep_ok({ index => $index }, 'purge', '--id', $id, '--execute', '--yes', '--archive', "$dir/archive");
	sweep_ok({ index => $index }, 'scan', "$dir/pf");
	ok(!(grep { ($_->{list} // '') eq 'sorbs' } json_lines(sweep_ok({ index => $index }, 'evidence', '--json')->{out})), 'purged: gone from evidence');
	($sorbs) = grep { ($_->{list} // '') eq 'sorbs' } json_lines(sweep_ok({ index => $index }, 'evidence', '--json', '--gone')->{out});
	is($sorbs->{messages}, 1, '--gone still knows it');
	is($sorbs->{queued}, 0, 'and that it is in no spool');
}

# ---- what a frozen bounce of this server tells in its body; one that another server made tells of that server
{
	my $two = "$dir/bounces.db";
	mkspool('exim', "$dir/bounces", 200);
	sweep_ok({ index => $two }, 'scan', "$dir/bounces");
	my $bounce = "account_kind = 'bounce' and is_report and client is";
	my ($own) = listing($two, '--where', "$bounce null");
	my ($foreign) = listing($two, '--where', "$bounce not null");
	for my $m (grep { defined } $own, $foreign) {
		my ($file) = grep { /-D$/ } map { "$dir/bounces/$_->{path}" } @{ (json_lines(sweep_ok({ index => $two }, 'show', '--json', $m->{id})->{out}))[0]{files} };
		my $body = slurp($file);
		my $name = $m == $own ? 'frozen' : 'foreign';
		$body =~ s/^Diagnostic-Code: .*/Diagnostic-Code: smtp; 550-5.7.1 no mail from\n 550 5.7.1 198.51.100.88 listed at bl.$name.example/m or die $body;
		spew($file, $body);
	}
	ok($own, 'a bounce of this server');
	my $r = sweep_ok({ index => $two }, 'evidence', '--json');
	unlike($r->{out}, qr/bl\.frozen\.example/, 'its body is not read by a plain scan');
	like($r->{err}, qr/own bounces \S+ not read: "spoolsweep --index \Q$two\E scan --contents"/, 'which is said');
	sweep_ok({ index => $two }, 'scan', '--contents', '--full', "$dir/bounces");
	my %list = map { ($_->{list} // '') => $_ } json_lines(sweep_ok({ index => $two }, 'evidence', '--json')->{out});
	is_deeply($list{'bl.frozen.example'}{addresses}, ['198.51.100.88'], 'scan --contents finds the reply in it');
	is_deeply($list{'bl.frozen.example'}{domains}, ['gmail.example'], '  and whose it was');
	ok(!$list{'bl.foreign.example'}, 'not those of a bounce that came from elsewhere');
	unlike(sweep_ok({ index => $two }, 'evidence')->{err}, qr/not read/, 'nothing is left unread');
}

# ---- a queue that was not read
SKIP: {
	skip 'Wine follows links', 3 if is_windows();
	rename "$dir/pf/deferred", "$dir/moved" or die $!;
	symlink "$dir/moved", "$dir/pf/deferred" or die $!;
	is(sweep({ index => $index }, 'scan', "$dir/pf")->{status}, 3, 'a queue folder that is a link');
	my $r = sweep({ index => $index }, 'evidence');
	is($r->{status}, 3, 'evidence of a part is exit 3');
	like($r->{err}, qr/UNKNOWN: deferred/, 'and says of which');
}

done_testing();
