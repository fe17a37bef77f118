# rank names the hacked account, and nobody else, on made spools of each kind and of several sizes.
use strict;
use warnings;
use Test::More;
use Sweep;

my $dir = work_dir();

sub of { my ($v) = @_; return defined $v ? $v : '' }

sub rows {
	my ($index, @args) = @_;
	return json_lines(sweep_ok({ index => $index }, 'rank', '--json', @args)->{out});
}

sub row {
	my ($kind, $key, @rows) = @_;
	my @found = grep { of($_->{kind}) eq $kind && of($_->{key}) eq $key } @rows;
	is(scalar @found, 1, "one row $kind $key");
	return $found[0] || {};
}

# Sums of the truth by account, for comparison with every row.
sub sums {
	my (@truth) = @_;
	my %sum;
	for my $t (@truth) {
		my $s = $sum{ of($t->{account_kind}) . ' ' . lc of($t->{account}) } ||= { messages => 0, recipients => 0, bytes => 0 };
		$s->{messages}++;
		$s->{recipients} += $t->{recipients};
		$s->{bytes} += $t->{size};
		$s->{senders}{ of($t->{sender}) }++;
		$s->{clients}{ $t->{client} }++ if defined $t->{client};
		$s->{minute}{ int($t->{arrived} / 60) }++;
	}
	return \%sum;
}

sub peak { return (sort { $b <=> $a } values %{ $_[0]{minute} })[0] }

for my $kind (qw(postfix exim smartermail)) {
	for my $count (80, 3000) {
		my ($index, $name) = ("$dir/$kind$count.db", "$kind, $count");
		mkspool('--seed', 7, '--truth', "$dir/truth", $kind, "$dir/$kind$count", $count);
		scan_of($index, "$kind:$dir/$kind$count");
		my @truth = grep { $_->{listed} } read_truth("$dir/truth");
		my $sum = sums(@truth);
		my @rows = rows($index);
		my ($messages, $wrong) = (0, 0);
		my $is_together = is_windows() && $kind eq 'postfix';	# then a row is not in the truth
		for my $r (@rows) {
			my $s = $sum->{ of($r->{kind}) . ' ' . lc of($r->{key}) } || {};
			$messages += $r->{messages};
			next if $is_together;
			$wrong++ if $r->{messages} != of($s->{messages}) || $r->{recipients} != $s->{recipients} ||
			    $r->{bytes} != $s->{bytes} || $r->{senders} != keys %{ $s->{senders} } ||
			    $r->{clients} != keys %{ $s->{clients} || {} } || $r->{peak_per_minute} != peak($s);
		}
		is($messages, scalar @truth, "$name: each message in one row");
		SKIP: {
			skip 'files of Postfix without owners: local accounts run together', 2 if $is_together;
			is(scalar @rows, scalar keys %$sum, "$name: as many rows as accounts");
			is($wrong, 0, "$name: messages, recipients, bytes, senders, clients and peak of every row");
		}
		my ($hacked, $news) = (row('auth', 'info@atlas-tours.example', @rows), row('auth', 'news@garden-shop.example', @rows));
		is($hacked->{verdict}, 'likely', "$name: the hacked account ($hacked->{score})");
		is($news->{verdict}, 'unlikely', "$name: the newsletter ($news->{score})");
		cmp_ok($hacked->{score} - $news->{score}, '>=', 40, "$name: far apart");
		is($hacked->{rank}, 1, "$name: most mail first");
		is(row('bounce', '<>', @rows)->{verdict}, 'unlikely', "$name: bounces");
		my %bad = map { $_ => 1 } 'info@atlas-tours.example', '192.168.10.57', '127.0.0.1', 'uid:33', 'atlaswp';
		$bad{'www-data'} = 1 if is_windows() && $kind eq 'postfix';	# as the header says; else the owner counts
		is(join(' ', map { $_->{key} } grep { $_->{verdict} ne 'unlikely' && !$bad{ of($_->{key}) } } @rows), '',
		    "$name: no honest account is accused");
		is((scalar grep { !@{ $_->{reasons} } } @rows), 0, "$name: every row has a reason");
		next if $count < 1000;
		is(row('client', '192.168.10.57', @rows)->{verdict}, 'likely', "$name: the infected machine in the local network");
		my $web = (grep { of($_->{key}) =~ /^(uid:33|atlaswp|127\.0\.0\.1)$/ } @rows)[0];
		isnt($web->{verdict}, 'unlikely', "$name: the script in an upload folder");
		like("@{ $web->{reasons} }", qr/uploads/, "$name: and why");
		my ($share) = map { $_->{share} } grep { of($_->{key}) eq 'info@atlas-tours.example' } @rows;
		cmp_ok(abs($share - $hacked->{messages} / @truth), '<', 0.001, "$name: its share");
	}
}

# the same messages by other keys
my $index = "$dir/postfix3000.db";
my @truth = grep { $_->{listed} } read_truth("$dir/truth");	# smartermail's: same traffic, other ids
for my $by (qw(domain sender sender-domain client subject script)) {
	my @rows = rows($index, '--by', $by);
	my $sum = 0;
	$sum += $_->{messages} for @rows;
	is($sum, scalar @truth, "--by $by: each message in one row");
	is((scalar grep { $_->{by} ne $by || defined $_->{kind} } @rows), 0, "--by $by: says so, without a kind");
	is_deeply([map { $_->{messages} } @rows], [sort { $b <=> $a } map { $_->{messages} } @rows], "--by $by: most first");
}
my @to = rows($index, '--by', 'recipient-domain');
my ($recipients, $pending) = (0, 0);
$recipients += $_->{recipients} for @to;
$pending += $_->{recipients} for rows($index);
is($recipients, $pending, '--by recipient-domain: all recipients');
is((scalar grep { $_->{verdict} ne 'unlikely' } @to), 0, 'recipients are not judged');

# a selection, and a number of rows
my @few = rows($index, '--account', '*@bakery.example');
is((scalar grep { $_->{key} !~ /\@bakery\.example$/ } @few), 0, 'rank of a selection');
is(scalar(rows($index, '-n', 3)), 3, '-n 3');

# one kind and name is one account across spools
my $both = "$dir/both.db";
scan_of($both, "postfix:$dir/postfix80", "exim:$dir/exim80");
my ($one) = grep { of($_->{key}) eq 'news@garden-shop.example' } rows($both);
my $n = grep { of($_->{account}) eq 'news@garden-shop.example' } listing($both);
is($one->{messages}, $n, 'one account over two spools');

done_testing();
