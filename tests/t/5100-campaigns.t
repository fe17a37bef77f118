#!/usr/bin/perl
# Campaigns: what mkspool labels as one run comes out as one, newsletters of one shop and letters with one notice do not; ids that last;
# the selector; what the ranking makes of it.
use strict;
use warnings;
use File::Path qw(make_path);
use FindBin;
use lib $FindBin::Bin;
use MIME::Base64 ();
use Sweep;
use Test::More;

my $work = work_dir();

sub made {
	my ($kind, $seed, $count, @more) = @_;
	my $dir = "$work/$kind-$seed-$count";
	mkspool('--campaigns', '--seed', $seed, @more, '--truth', "$dir.truth", $kind, $dir, $count) if !-d $dir;
	return ($dir, read_truth("$dir.truth"));
}

# Message by message what the index takes for its campaign: rank names them, --campaign lists each.
sub campaigns_of {
	my ($index) = @_;
	my %of;
	for my $row (grep { defined $_->{key} } json_lines(sweep_ok({ index => $index }, 'rank', '--by', 'campaign', '--json')->{out})) {
		next if $row->{messages} == 1;
		$of{ $_->{id} } = $row->{key} for listing($index, '--campaign', $row->{key});
	}
	return \%of;
}

sub pairs { my ($n) = @_; return $n * ($n - 1) / 2 }

# Of the pairs that are said to belong together, and of those that do.
sub precision_recall {
	my ($label, $got) = @_;
	my (%labels, %found, %both);
	for my $id (keys %$label) {
		my $l = defined $label->{$id} ? $label->{$id} : "letter $id";
		my $g = defined $got->{$id} ? $got->{$id} : "alone $id";
		$labels{$l}++;
		$found{$g}++;
		$both{"$l/$g"}++;
	}
	my ($wanted, $said, $right) = (0, 0, 0);
	$wanted += pairs($_) for values %labels;
	$said += pairs($_) for values %found;
	$right += pairs($_) for values %both;
	return ($right / ($said || 1), $right / ($wanted || 1));
}

sub quality {
	my ($kind, $seed, $count) = @_;
	my ($dir, @truth) = made($kind, $seed, $count);
	my $index = "$dir.db";
	sweep_ok({ index => $index }, 'scan', '--contents', "$kind:$dir");
	my %label = map { ($_->{id} => $_->{campaign}) } @truth;
	my ($precision, $recall) = precision_recall(\%label, campaigns_of($index));
	diag(sprintf('%s, %d messages, seed %d: precision %.4f, recall %.4f', $kind, $count, $seed, $precision, $recall));
	cmp_ok($precision, '>=', 0.95, "seed $seed: what is said to belong together does");
	cmp_ok($recall, '>=', 0.95, "seed $seed: what belongs together is found");
	return ($dir, $index, \%label);
}

quality('smartermail', $_, 700) for 2, 3, 5;
my ($dir, $index, $label) = quality('exim', 1, 1000);

# The same spool, the same ids: a new index, one reader or four.
my $ids = campaigns_of($index);
sweep_ok({ index => "$work/again.db" }, 'scan', '--contents', '--threads', 4, "exim:$dir");
is_deeply(campaigns_of("$work/again.db"), $ids, 'a new index and more threads give the same ids');
my $before = sweep_ok({ index => $index }, 'rank', '--by', 'campaign', '--json')->{out};
sweep_ok({ index => $index }, 'scan', '--contents', "exim:$dir");
is(sweep_ok({ index => $index }, 'rank', '--by', 'campaign', '--json')->{out}, $before, 'a scan without news changes nothing');

# More of the same runs: those whose commonest id was written down keep it.
{
	my (undef, @truth) = made('smartermail', 2, 700);
	my ($more) = made('smartermail', 2, 1100);
	sweep_ok({ index => "$work/more.db" }, 'scan', '--contents', "smartermail:$more");
	my ($old, $new) = (campaigns_of("$work/smartermail-2-700.db"), campaigns_of("$work/more.db"));
	my (%was, %is, $kept);
	for (grep { defined $_->{campaign} && $old->{ $_->{id} } && $new->{ $_->{id} } } @truth) {
		$was{ $_->{campaign} }{ $old->{ $_->{id} } }++;
		$is{ $_->{campaign} }{ $new->{ $_->{id} } }++;
	}
	my $most = sub { my ($n) = @_; return (sort { $n->{$b} <=> $n->{$a} || $a cmp $b } keys %$n)[0] };
	$kept = grep { $most->($was{$_}) eq $most->($is{$_}) } keys %was;
	cmp_ok($kept, '>=', 0.8 * keys %was, "$kept of " . keys(%was) . ' ids are the same with more messages');
}

# The ranking and the selector.
my ($first) = json_lines($before);
is($first->{by}, 'campaign', 'rows say what they are');
like($first->{key}, qr/^[0-9a-f]{12}$/, 'an id has twelve digits');
is($first->{messages}, scalar(listing($index, '--campaign', $first->{key})), 'the selector gives as many as the row says');
is(scalar(listing($index, '--campaign', uc substr($first->{key}, 0, 8) . '*')), $first->{messages}, 'as a pattern too, whatever the case');
cmp_ok($first->{accounts}, '>=', 3, 'accounts are counted');
ok(defined $first->{first} && defined $first->{last} && length $first->{subject} && $first->{senders} > 0, 'times, senders and a subject');
is($first->{verdict}, 'likely', 'one campaign from many accounts is judged');
like("@{ $first->{reasons} }", qr/nearly the same message from \d+ accounts/, 'and it is said why');
my $total = 0;
$total += $_->{messages} for json_lines($before);
is($total, scalar(keys %$label), 'every message is in one row');
like(sweep_ok({ index => $index }, 'rank', '--by', 'campaign')->{out}, qr/ACCOUNTS.*CAMPAIGN/, 'a table for people');
my @spammers = grep { grep { /one campaign from up to/ } @{ $_->{reasons} } } json_lines(sweep_ok({ index => $index }, 'rank', '--json')->{out});
cmp_ok(scalar @spammers, '>', 10, 'accounts that take part are told');
is((grep { $_->{key} && $_->{key} =~ /^news\@/ } @spammers), 0, 'a shop is none of them');
is(sweep_ok({ index => $index }, 'list', '-c', '--campaign', '000000000000')->{out}, "0\n", 'no such campaign: nothing');
my @planned = json_lines(sweep_ok({ index => $index }, 'purge', '--json', '--campaign', $first->{key})->{out});
is($planned[-1]{planned}, $first->{messages}, 'a purge takes it too');

my ($one) = listing($index, '--campaign', $first->{key});
my ($shown) = json_lines(sweep_ok({ index => $index }, 'show', $one->{id}, '--json')->{out});
is($shown->{campaign}, $first->{key}, 'a message names its campaign');
like(sweep_ok({ index => $index }, 'show', $one->{id})->{out}, qr/^campaign +$first->{key}$/m, 'for people too');

# An archive does not say what belongs together: a restore must not take that for "no message".
my $r = sweep({ index => $index }, 'restore', "$work/none.tar.zst", '--campaign', $first->{key});
is($r->{status}, 64, 'a restore by campaign is refused');
like($r->{err}, qr/--campaign/, 'with the reason');

# Spam that is a picture: shown by the HTML or attached, under other subjects and names; a shop's logo beside texts makes no campaign.
{
	my $spool = "$work/pictures";
	my $serial = 0;
	make_path(map { "$spool/$_" } qw(input msglog db));
	my $put = sub {
		my ($subject, $html, $id, $data) = @_;
		my $name = sprintf '1qDO9M-%06d-2p', ++$serial;
		my $header = join '', map { sprintf "%03d  %s\n", 1 + length, $_ } "Subject: $subject", 'Content-Type: multipart/related; boundary=b';
		spew("$spool/input/$name-H", "$name-H\nmail 8 8\n<a\@b.example>\n1790000000 0\nXX\n1\nr\@c.example\n\n$header", 0640);
		spew("$spool/input/$name-D", "$name-D\n--b\nContent-Type: text/html\n\n$html\n--b\nContent-Type: image/png; name=$serial.png\n" .
		    ($id ? "Content-ID: <$serial\@x>\n" : '') . "Content-Transfer-Encoding: base64\n\n" . MIME::Base64::encode_base64($data) . "--b--\n", 0640);
	};
	my $picture = "\x89PNG\r\n\x1a\n" . join '', map { chr } map { $_ * 7 % 251 } 1 .. 2000;
	$put->("Zqk " . (qw(apple harbour meadow ladder violin))[$_ - 1] . " vxw", '<img src=cid:x>', $_ % 2, $picture) for 1 .. 5;
	$put->('Opening hours', '<p>The library opens at nine on Monday.</p><img src=cid:x>', 1, $picture);
	$put->('Ferry', '<p>No ships leave before the strike is over.</p><img src=cid:x>', 1, $picture);
	$put->('Another', '<img src=cid:x>', 1, "$picture+");
	sweep_ok({ index => "$work/pictures.db" }, 'scan', '--contents', "exim:$spool");
	my @found = map { $_->{messages} } json_lines(sweep_ok({ index => "$work/pictures.db" }, 'rank', '--by', 'campaign', '--json')->{out});
	is("@found", '5 1 1 1', 'one picture without words is one campaign under any subject');
}

# Without contents nothing is known, and that is said.
my $plain = "$work/plain.db";
sweep_ok({ index => $plain }, 'scan', "exim:$dir");
$r = sweep_ok({ index => $plain }, 'list', '-c', '--campaign', $first->{key});
is($r->{out}, "0\n", 'without contents no message is selected');
like($r->{err}, qr/--campaign.*not.*scan --contents/s, 'and it is said what to do');
$r = sweep_ok({ index => $plain }, 'rank', '--by', 'campaign', '--json');
my @rows = json_lines($r->{out});
is(scalar @rows, 1, 'all are in one row');
is($rows[0]{key}, undef, 'that has no id');
($shown) = json_lines(sweep_ok({ index => $plain }, 'show', $one->{id}, '--json')->{out});
ok(exists $shown->{campaign} && !defined $shown->{campaign}, 'nor has a message shown');
like($r->{err}, qr/--by campaign.*scan --contents/s, 'and that is said too');

done_testing();
