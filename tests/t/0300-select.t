# Selectors of list against what was made, on one spool of each kind.
use strict;
use warnings;
use utf8;
use Test::More;
use POSIX ();
use Sweep;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $dir = work_dir();
my %truth;
for my $kind (qw(postfix exim smartermail)) {
	mkspool('--seed', 3, '--truth', "$dir/$kind.truth", $kind, "$dir/$kind", 800);
	$truth{$kind} = [grep { $_->{listed} } read_truth("$dir/$kind.truth")];
	scan_of("$dir/$kind.db", "$kind:$dir/$kind");
}

sub ids { return join ' ', sort map { $_->{id} } @_ }

# The ids that list gives, and those of the truth for which the test is true.
sub same {
	my ($kind, $test, @selectors) = @_;
	my @want = grep { $test->($_) } @{ $truth{$kind} };
	is(ids(listing("$dir/$kind.db", @selectors)), ids(@want), "$kind: @selectors: " . @want);
	return scalar @want;
}

sub of { my ($v) = @_; return defined $v ? $v : '' }

for my $kind (sort keys %truth) {
	my $n = 0;
	same($kind, sub { 1 });
	same($kind, sub { 1 }, '--all');
	$n += same($kind, sub { of($_[0]{account}) eq 'info@atlas-tours.example' }, '--account', 'INFO@Atlas-Tours.example');
	same($kind, sub { of($_[0]{account}) =~ /\@bakery\.example$/ }, '--account', '*@bakery.example');
	same($kind, sub { of($_[0]{account}) =~ /^(news|info)\@/ }, '--account', 're:^(news|info)@');
	same($kind, sub { of($_[0]{account}) =~ /^(news\@garden-shop|info\@atlas-tours)\.example$/ }, '--account', 'news@garden-shop.example',
	    '--account', 'info@atlas-tours.example');
	same($kind, sub { of($_[0]{account}) eq 'info@atlas-tours.example' && of($_[0]{sender}) =~ /\@gmail\.example$/ },
	    '--account', 'info@atlas-tours.example', '--sender-domain', 'GMAIL.example');
	same($kind, sub { of($_[0]{sender}) =~ /\@kervan\.example$/ }, '--sender', '*@kervan.example');
	same($kind, sub { of($_[0]{client}) =~ /^203\.0\.113\.(\d+)$/ && $1 < 128 }, '--client', '203.0.113.0/25');
	$n += same($kind, sub { of($_[0]{client}) =~ /:/ }, '--client', '2001:db8::/32');
	$n += same($kind, sub { of($_[0]{subject}) eq 'Re: business proposal' }, '--subject', 'RE: BUSINESS proposal');
	$n += same($kind, sub { of($_[0]{subject}) =~ /^Ödeme/ }, '--subject', 'ödeme*');
	same($kind, sub { of($_[0]{subject}) =~ / [0-9]{4}$/ }, '--subject', 're: [0-9]{4}$');
	$n += same($kind, sub { of($_[0]{sender}) eq '' && defined $_[0]{sender} }, '--null-sender');
	$n += same($kind, sub { $_[0]{account_kind} eq 'client' }, '--kind', 'client');
	$n += same($kind, sub { $_[0]{size} > 4096 }, '--larger', '4k');
	same($kind, sub { $_[0]{size} < 1000 && $_[0]{arrived} >= 1789990000 }, '--smaller', 1000, '--since', '@1789990000');
	same($kind, sub { $_[0]{arrived} >= 1789990000 && $_[0]{arrived} < 1789995000 }, '--since', '2026-09-21T11:26:40Z',
	    '--until', '2026-09-21 12:49:59.999999');
	same($kind, sub { $_[0]{state} eq 'frozen' }, '--frozen');
	same($kind, sub { of($_[0]{queue}) eq 'deferred' || of($_[0]{queue}) eq '' }, '--queue', 'deferred', '--queue', '');
	$n += same($kind, sub { of($_[0]{label}) eq 'webform' }, '--script', 'wp-mailer.php');
	$n += same($kind, sub { of($_[0]{label}) eq 'webform' }, '--contains', 'X-PHP-Originating-Script');
	same($kind, sub { of($_[0]{account}) eq 'info@atlas-tours.example' && $_[0]{recipients} > 5 }, '--where',
	    "account = 'info\@atlas-tours.example' AND recipients > 5");
	same($kind, sub { 0 }, '--spool', "$dir/other");
	same($kind, sub { 1 }, '--spool', "$kind:$dir/$kind/", '--kind', $kind);
	cmp_ok($n, '>', 200, "$kind: the selectors met messages");

	# a pipe of ids gives the same messages
	my $r = sweep_ok({ index => "$dir/$kind.db" }, 'list', '-i', '--account', 'info@atlas-tours.example');
	my @again = json_lines(sweep_ok({ index => "$dir/$kind.db", in => $r->{out} }, 'list', '--json', '--id', '-')->{out});
	is(ids(@again), ids(grep { of($_->{account}) eq 'info@atlas-tours.example' } @{ $truth{$kind} }), "$kind: list -i into --id -");
	is(scalar(json_lines(sweep_ok({ index => "$dir/$kind.db", in => '' }, 'list', '--json', '--id', '-')->{out})), 0,
	    "$kind: no ids select nothing");
	my @times = map { $_->{arrived} } listing("$dir/$kind.db");
	is_deeply(\@times, [sort @times], "$kind: in the order of arrival");
}

# bad selectors are usage errors
for my $bad (['--subject', 're:('], [qw(--older soon)], [qw(--larger big)], [qw(--since 2026-13-01)], [qw(--client example.org)],
    [qw(--kind sendmail)], ['--where', '1) OR (1'], ['--where', '1; DELETE FROM message'], ['--where', 'nosuch = 1'],
    ['--where', "load_extension('x')"], ['--where', '1 --']) {
	my $r = sweep({ index => "$dir/postfix.db" }, 'list', @$bad);
	is($r->{status}, 64, "@$bad: exit 64");
	is($r->{out}, '', 'and nothing on stdout');
	isnt($r->{err}, '', 'but words on stderr');
}
is(scalar(listing("$dir/postfix.db")), scalar @{ $truth{postfix} }, 'the index is as it was');

# --contains reads the files as they are now: a vanished message does not match, an unreadable one is an error
my ($web) = grep { of($_->{label}) eq 'webform' } @{ $truth{postfix} };
my ($path) = grep { !m{/postfix/(defer|bounce|trace)/} } glob("$dir/postfix/*/$web->{id} $dir/postfix/*/*/$web->{id}");
rename $path, "$dir/away" or die "$path: $!";
my @left = listing("$dir/postfix.db", '--contains', 'X-PHP-Originating-Script', '--script', 'wp-mailer.php');
is((scalar grep { $_->{id} eq $web->{id} } @left), 0, 'a message that has gone does not match');
cmp_ok(scalar @left, '>', 0, 'the others do');
rename "$dir/away", $path or die $!;

# files are searched in windows of 64 KiB: a match may lie across two of them
my ($body) = glob("$dir/exim/input/*-D");
my ($id) = $body =~ m{([^/]+)-D$};
for my $edge (65536, 131072, 65540) {
	spew($body, "$id-D\n" . 'x' x ($edge - length("$id-D\n") - 5) . 'ACROSS-THE-EDGE' . 'y' x 70000, 0640);
	is(ids(listing("$dir/exim.db", '--contains', 'ACROSS-THE-EDGE')), $id, "found across byte $edge");
}
is(ids(listing("$dir/exim.db", '--contains', 'ACROSS-THE-EDGEx')), '', 'and not what is not there');
is(ids(listing("$dir/exim.db", '--contains', 'nowhere in any', '--contains', 'EDGEyyy')), $id, 'one of two');

# a message as a reader sees it: Postfix cuts long lines into records and has no LF between lines
sub rec { my ($type, $text) = @_; my $n = length $text; return $type . ($n < 128 ? chr $n : chr($n & 127 | 128) . chr($n >> 7)) . $text }
my $head = rec('T', '1790000000 1') . rec('S', 'a@b.example') . rec('R', 'c@d.example') . rec('M', '');
my $text = rec('N', 'Subject: cut') . rec('N', '') . rec('L', 'x' x 2040 . ' the secret pa') . rec('N', 'ssword is here') . rec('N', 'last line');
my $size = sprintf '%15d %15d %15d %15d %15d %15d', length $text, 97 + length $head, 1, 0, 2100, 0;
mkdir "$dir/cut";
mkdir "$dir/cut/$_" for qw(maildrop incoming active deferred hold defer);
spew("$dir/cut/hold/C0FFEE", rec('C', $size) . $head . $text . rec('X', '') . rec('E', ''), 0700);
scan_of("$dir/cut.db", "$dir/cut");
is(ids(listing("$dir/cut.db", '--contains', $_)), 'C0FFEE', "--contains $_") for 'secret password', "is here\nlast", "cut\n\nxxx";
is(ids(listing("$dir/cut.db", '--contains', 'secret passwort')), '', 'and not what is not there');

SKIP: {
skip 'other users are not played under Wine', 3 if is_windows();
my @wrap;
if ($> == 0) {
	@wrap = ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups');
	chmod 0755, $dir;
	chown 65534, 65534, glob("$dir/postfix.db*");
} else {
	chmod 0, $path or die $!;
}
my $r = sweep({ index => "$dir/postfix.db", wrap => \@wrap }, 'list', '--contains', 'X-PHP', '--id', $web->{id});
is($r->{status}, 1, 'an unreadable file is an error');
is($r->{out}, '', 'not "no match"');
like($r->{err}, qr/--contains.*\Q$web->{id}\E.*denied|--contains.*denied/is, 'that names it');
chmod 0700, $path;
}

done_testing();
