#!/usr/bin/perl
# A spool that a real Exim wrote a moment ago, against what exim -bp, -Mvh, -Mvb, -Mvl, exipick and the sender say.
use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../mta";
use Test::More;
use Mta;
use Sweep;

binmode $_, ':utf8' for Test::More->builder->output, Test::More->builder->failure_output;
Mta::plan_or_skip('exim');

# As exim -bp prints a size.
sub rounded
{
	my ($size) = @_;

	return $size if $size < 1024;
	return sprintf '%.1fK', $size / 1024 if $size < 10 * 1024;
	return sprintf '%dK', ($size + 512) / 1024 if $size < 1024 * 1024;
	return sprintf '%.1fM', $size / 1048576;
}

sub wanted
{
	my ($o, $truths) = @_;
	my $view = $o->{view};
	my $option = $view->{option};
	my $header = MIME::Base64::decode_base64($view->{header});
	my ($tag) = $header =~ /^X-Spool-Tag: (\S+)/m;
	my $truth = $truths->{$tag // ''};
	my ($usec) = ($option->{received_time_usec} // '') =~ /^\.(\d{6})$/;
	my %want = (
		_tag => $tag // 'a bounce', kind => 'exim', queue => $o->{queue},
		sender => Mta::fold_domain(Mta::from_utf8($o->{sender})), recipients => $o->{recipients}, pending => $o->{pending},
		_pending => [map { Mta::fold_domain(Mta::from_utf8($_)) } @{$o->{pending_list}}],
		size => $view->{live} + $o->{body} + 1, _arrived => "$view->{arrived}." . ($usec // '000000'),
		from => Mta::header_text($header, 'From'), message_id => Mta::header_text($header, 'Message-ID'),
		protocol => $option->{received_protocol}, helo => $option->{helo_name},
		state => $o->{frozen} ? 'frozen' : exists $option->{deliver_firsttime} ? 'queued' : 'deferred',
	);
	if ($truth) {
		$want{$_} = $truth->{$_} for qw(account account_kind client subject script uid);
		$want{local_user} = $truth->{uid} ? $truth->{account} : undef;
	} else {
		@want{qw(account account_kind client)} = ('<>', 'bounce', undef);
		$want{subject} = qr/^Mail delivery failed/;
	}
	# The journal alone tells that a first delivery was under way.
	$want{state} = ['active', 'queued', 'deferred'] if ($tag // '') eq 'journal';
	my @said = Mta::reasons_for(@{$o->{pending_list}});
	$want{reason} = \@said if @said && $o->{log} =~ /SMTP error|defer \(/;
	return \%want;
}

# The witnesses must agree with each other before anything is compared with them.
sub check_oracle
{
	my ($name, @rows) = @_;
	my @sizes = grep { rounded($_->{view}{live} + $_->{body} + 1) ne $_->{shown_size} } @rows;
	my @picked = grep { $_->{exipick} } @rows;
	my @differ = grep {
		my $p = $_->{exipick};
		# exipick knows no journal.
		($_->{pending} != $p->{recipients_undel_count} && MIME::Base64::decode_base64($_->{view}{header}) !~ /Tag: journal/) ||
		    $_->{recipients} != $p->{recipients_count} || $_->{view}{arrived} != $p->{received_time} ||
		    ($_->{view}{option}{auth_id} // '') ne ($p->{authenticated_id} // '')
	} @picked;

	ok(!@sizes, "$name: headers and body add up to the size in exim -bp") or
	    diag(map { "$_->{id} $_->{shown_size} $_->{view}{live}+$_->{body}+1\n" } @sizes);
	is(scalar @picked, scalar @rows, "$name: exipick found every message");
	ok(!@differ, "$name: exipick and exim agree") or diag(map { Mta::shown($_->{exipick}) . " $_->{id}\n" } splice @differ, 0, 5);
}

sub check_spool
{
	my ($name, $floor, @runs) = @_;
	my $dir = Mta::fresh_dir("exim-$name");

	for my $run (@runs) {
		ok(Mta::run_inside($run->[0], $dir, 'exim-spool', @$run[1 .. $#$run]), "$name: $run->[0] wrote a spool") or do {
			diag(Mta::output('tail', '-n', 20, "$dir/log/run", "$dir/log/mainlog"));
			return;
		};
	}
	my %truths = map { $_->{tag} => $_ } Mta::read_lines("$dir/truth.jsonl");
	my @oracle = Mta::read_lines("$dir/oracle.jsonl");
	my %want = map { $_->{id} => wanted($_, \%truths) } @oracle;
	my $index = "$dir/index.db";

	check_oracle($name, @oracle);
	# A -D alone is in none of Exim's lists: the client died in the middle of it.
	my ($half) = map { /([^\/]+)-D$/ } grep { my $head = s/D$/H/r; !-e $head } split /\n/,
	    Mta::output('find', "$dir/spool", '-name', '*-D');
	$want{$half} = { _tag => 'half', state => 'incomplete', queue => '' } if defined $half;
	my $run = sweep({ index => $index }, 'scan', '--json', "exim:$dir/spool");
	is($run->{status}, 3, "$name: exit status of scan tells of the half message") or diag($run->{err});
	my ($scan) = json_lines($run->{out});
	my @listed = listing($index);
	my %got = map { $_->{id} => $_ } @listed;

	is(scalar keys %got, scalar @listed, "$name: no message twice");
	my $compared = Mta::compare($name, \%got, \%want);
	note("$name: $compared messages compared with exim -bp, -Mvh, -Mvb and -Mvl");
	cmp_ok($compared, '>=', $floor, "$name: at least $floor messages were compared");
	my @late = grep { (Mta::time_of($got{$_}{arrived}) // '') ne $want{$_}{_arrived} }
	    grep { defined $want{$_}{_arrived} } sort keys %want;
	ok(!@late, "$name: arrival to the microsecond") or
	    diag(map { Mta::shown($got{$_}{arrived}) . ", server $want{$_}{_arrived}: $_\n" } splice @late, 0, 5);
	my @hurt = grep { @{$got{$_}{damage} // []} } sort keys %got;
	is("@hurt", $half, "$name: the half message is damaged, no other")
	    or diag(map { "$_ $want{$_}{_tag}: @{$got{$_}{damage}}\n" } @hurt);
	is($scan->{messages}, scalar @listed, "$name: scan counts what list shows");
	is($scan->{orphans}, 1, "$name: the half message is an orphan");
	check_accounts($name, $index, \%want);
	check_recipients($name, $index, \%want);
	check_again($name, $index, $dir, \@listed);
}

sub check_accounts
{
	my ($name, $index, $want) = @_;
	my @rank = json_lines(sweep_ok({ index => $index, status => [0, 3] }, 'rank', '--json')->{out});
	my ($accused) = grep { $_->{verdict} eq 'likely' } @rank;
	my %messages;

	$messages{lc $_->{account}}++ for grep { defined $_->{account} } values %$want;
	is($accused && $accused->{key}, $Mta::hacked[0], "$name: the hacked account is the first likely one")
	    or diag(map { Mta::shown([@$_{qw(kind key messages verdict score)}]) . "\n" } @rank);
	is($accused && $accused->{messages}, $messages{$Mta::hacked[0]}, "$name: with all its messages");
	my ($news) = grep { ($_->{key} // '') eq 'news@verein.example' } @rank;
	is($news->{verdict}, 'unlikely', "$name: the newsletter is not");
	is(scalar listing($index, '--account', 'ANNA@kunde.example'), $messages{'anna@kunde.example'},
	    "$name: accounts match without case");
	is(scalar listing($index, '--queue', 'lists'), $messages{'news@verein.example'},
	    "$name: the named queue is the newsletter's");
}

# Recipient by recipient, where that is worth looking at: who is pending is what the server says, and each
# pending one has the words of its own far end.
sub check_recipients
{
	my ($name, $index, $want) = @_;
	my (@wrong, $count);

	for my $id (grep { $want->{$_}{_tag} =~ /^(part|many|quote|smtputf8|team|once|journal|edit)/ } sort keys %$want) {
		my ($row) = json_lines(sweep_ok({ index => $index, status => [0, 3] }, 'show', '--json', $id)->{out});
		my @pending = grep { $_->{state} eq 'pending' } @{$row->{recipient_list}};
		my @replies = map { [$_->{reply}, Mta::reasons_for($_->{address})] } grep { defined $_->{reply} } @pending;
		$count++;
		push @wrong, "$id ($want->{$id}{_tag})" if Mta::shown([sort map { $_->{address} } @pending]) ne
		    Mta::shown([sort @{$want->{$id}{_pending}}]) || grep { $_->[1] && $_->[0] !~ $_->[1] } @replies;
	}
	cmp_ok($count, '>=', 8, "$name: show was asked for $count messages");
	ok(!@wrong, "$name: show tells the same recipients pending, each with its reply") or diag("@wrong");
}

# Nothing changed: a second scan, which has to find the kind by itself, says so, and the list is the same.
sub check_again
{
	my ($name, $index, $dir, $before) = @_;
	my ($scan) = scan_of($index, "$dir/spool");

	is_deeply([@$scan{qw(new changed gone)}], [0, 0, 0], "$name: nothing new in a second scan");
	is_deeply([listing($index)], $before, "$name: and the same list");
}

check_spool('short', 140, ['exim', 'crowd', 'states', 'oracle']);
# Where the backports suite could not be had, made spools alone have long ids, and the test says so.
sub check_made
{
	my $dir = Mta::fresh_dir('exim-made');
	my $index = "$dir/index.db";

	diag('no Exim with long message ids here: those are tested on a made spool alone');
	mkspool('--long-ids', '--truth', "$dir/truth.jsonl", 'exim', "$dir/made", 200);
	scan_of($index, "exim:$dir/made");
	my @ids = sort map { $_->{id} } grep { !@{$_->{damage}} } listing($index);
	is_deeply(\@ids, [sort map { $_->{id} } read_truth("$dir/truth.jsonl")], 'made: the ids that were made');
	is(scalar(grep { length == 23 } @ids), scalar @ids, 'made: all of them long');
}

if (-f "$Mta::top/build/mta/exim498/.complete") {
	check_spool('mixed', 150, ['exim', 'few'], ['exim498', 'crowd', 'states', 'oracle']);
} else {
	check_made();
}
done_testing();
