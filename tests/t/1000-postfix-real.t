#!/usr/bin/perl
# A queue that a real Postfix wrote a moment ago, against what postqueue, postcat and the sender say of it.
use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../mta";
use Test::More;
use Mta;
use Sweep;

binmode $_, ':utf8' for Test::More->builder->output, Test::More->builder->failure_output;
Mta::plan_or_skip('postfix');

my %state_of = (deferred => 'deferred', hold => 'held', active => 'active', incoming => 'queued', maildrop => 'queued',
	corrupt => 'corrupt');

# What must be listed of one queue file.
sub wanted
{
	my ($o, $truths) = @_;
	my $cat = $o->{postcat};

	return { _tag => 'corrupt', queue => 'corrupt', state => 'corrupt' } if $o->{queue} eq 'corrupt';
	# smtpd tells cleanup the login before anything else: half a message has it.
	return { _tag => 'incomplete', queue => $o->{queue}, state => 'incomplete', account => 'anna@kunde.example',
	    account_kind => 'auth', sender => 'anna@kunde.example', client => '203.0.113.10' } if !$cat;
	my $header = MIME::Base64::decode_base64($cat->{header});
	my ($tag) = $header =~ /^X-Spool-Tag: (\S+)/m;
	my $truth = $truths->{$tag // ''};
	my $attribute = $cat->{attribute};
	my %want = (
		_tag => $tag // 'a bounce', kind => 'postfix', queue => $o->{queue}, state => $state_of{$o->{queue}},
		sender => Mta::fold_domain(Mta::from_utf8($cat->{sender})), recipients => $cat->{recipients}, pending => $cat->{pending},
		size => $o->{queue} eq 'maildrop' ? $o->{file_size} : $o->{first}{length},
		_pending => [map { Mta::fold_domain(Mta::from_utf8($_)) } @{$cat->{pending_list}}],
		_arrived => sprintf('%d.%06d', $o->{showq}{arrival_time}, $o->{first}{usec}),
		from => Mta::header_text($header, 'From'), message_id => Mta::header_text($header, 'Message-ID'),
		helo => $attribute->{log_helo_name}, protocol => $attribute->{log_protocol_name},
	);
	if ($truth) {
		$want{$_} = $truth->{$_} for qw(account account_kind client subject script uid);
	} else {
		@want{qw(account account_kind client subject)} = ('<>', 'bounce', undef, 'Undelivered Mail Returned to Sender');
	}
	my @pending = @{$cat->{pending_list}};
	my @delayed = grep { $_->{delay_reason} } @{$o->{showq}{recipients}};
	$want{reason} = [Mta::reasons_for(@pending)] if @delayed && Mta::reasons_for(@pending);
	return \%want;
}

# Logs whose message is in no queue, by the names on disk.
sub orphans
{
	my ($spool) = @_;
	my @names = map {
		Mta::output('find', (map { "$spool/$_" } split), '-type', 'f', '-printf', '%f\n')
	} 'maildrop incoming active deferred hold corrupt', 'defer bounce trace';
	my %message = map { $_ => 1 } split /\n/, $names[0];

	return scalar grep { !$message{$_} } split /\n/, $names[1];
}

# postqueue and postcat must agree with each other before anything is compared with them.
sub check_oracle
{
	my ($mode, @rows) = @_;
	my @whole = grep { $_->{postcat} } @rows;
	my @differ = grep {
		my ($q, $cat) = @$_{qw(showq postcat)};
		my $sender = Mta::from_utf8($cat->{sender});
		my %pending = map { Mta::from_utf8($_) => 1 } @{$cat->{pending_list}};
		my %shown = map { $_->{address} =~ s/"//gr => 1 } @{$q->{recipients}};
		!$q || ($sender eq '' ? 'MAILER-DAEMON' : $sender) ne $q->{sender} || Mta::shown(\%shown) ne Mta::shown(\%pending)
	} @whole;

	ok(!@differ, "$mode: postqueue and postcat agree on " . @whole . ' messages') or
	    diag(map { Mta::shown($_) . "\n" } splice @differ, 0, 3);
	# The length in the SIZE record counts two or three bytes a line more than a reader sees; postqueue shows the
	# one before a milter replaced the body.
	my @sizes = grep {
		my ($length, $seen) = ($_->{first}{length}, $_->{postcat}{length});
		my $replaced = MIME::Base64::decode_base64($_->{postcat}{header}) =~ /^X-Milter: .*body/m;
		$replaced ? abs($length - $seen) > 200 + $seen / 20 : $length != $_->{showq}{message_size}
	} grep { $_->{queue} ne 'maildrop' } @whole;
	ok(!@sizes, "$mode: the SIZE record agrees with postqueue, or with postcat where a milter replaced the body") or
	    diag(map { "$_->{id} $_->{first}{length} $_->{postcat}{length} $_->{showq}{message_size}\n" } @sizes);
}

sub check_queue
{
	my ($mode, $floor, $damaged) = @_;
	my $dir = Mta::fresh_dir("postfix-$mode");

	ok(Mta::run_inside('postfix', $dir, 'postfix-spool', $mode), "$mode: Postfix wrote a queue") or do {
		diag(Mta::output('tail', '-n', 20, "$dir/log/run", "$dir/log/postfix"));
		return;
	};
	my %truths = map { $_->{tag} => $_ } Mta::read_lines("$dir/truth.jsonl");
	my @oracle = Mta::read_lines("$dir/oracle.jsonl");
	my %want = map { $_->{id} => wanted($_, \%truths) } @oracle;
	my $index = "$dir/index.db";

	check_oracle($mode, @oracle);
	my $run = sweep({ index => $index }, 'scan', '--json', "postfix:$dir/spool");
	is($run->{status}, $damaged ? 3 : 0, "$mode: exit status of scan") or diag($run->{err});
	my ($scan) = json_lines($run->{out});
	my @listed = listing($index);
	my %got = map { $_->{id} => $_ } @listed;

	is(scalar keys %got, scalar @listed, "$mode: no message twice");
	my $compared = Mta::compare($mode, \%got, \%want);
	note("$mode: $compared messages compared with postqueue and postcat");
	cmp_ok($compared, '>=', $floor, "$mode: at least $floor messages were compared");
	my @late = grep { (Mta::time_of($got{$_}{arrived}) // '') ne $want{$_}{_arrived} }
	    grep { defined $want{$_}{_arrived} } sort keys %want;
	ok(!@late, "$mode: arrival to the microsecond") or
	    diag(map { Mta::shown($got{$_}{arrived}) . ", server $want{$_}{_arrived}: $_\n" } splice @late, 0, 5);
	# An unfinished file may be called damaged or not: its state says what it is.
	my @hurt = grep { @{$got{$_}{damage} // []} && $want{$_} && $want{$_}{state} ne 'incomplete' } sort keys %got;
	my @broken = grep { $want{$_}{state} eq 'corrupt' } sort keys %want;
	is("@hurt", "@broken", "$mode: corrupt messages are damaged, no others")
	    or diag(map { "$_ $want{$_}{_tag}: @{$got{$_}{damage}}\n" } @hurt);
	is(scalar @broken, $damaged, "$mode: there are as many as were made");
	is($scan->{messages}, scalar @listed, "$mode: scan counts what list shows");
	my $orphans = orphans("$dir/spool");
	is($scan->{orphans}, $orphans, "$mode: logs without a message");
	cmp_ok($orphans, '>=', $damaged, "$mode: there is one where one was made");
	check_accounts($mode, $index, \%want);
	check_recipients($mode, $index, \%want);
	check_again($mode, $index, $dir, \@listed);
}

sub check_accounts
{
	my ($mode, $index, $want) = @_;
	my @rank = json_lines(sweep_ok({ index => $index, status => [0, 3] }, 'rank', '--json')->{out});
	my ($accused) = grep { $_->{verdict} eq 'likely' } @rank;
	my %messages;

	$messages{lc $_->{account}}++ for grep { defined $_->{account} } values %$want;
	is($accused && $accused->{key}, $Mta::hacked[0], "$mode: the hacked account is the first likely one")
	    or diag(map { Mta::shown([@$_{qw(kind key messages verdict score)}]) . "\n" } @rank);
	is($accused && $accused->{messages}, $messages{$Mta::hacked[0]}, "$mode: with all its messages");
	my ($news) = grep { ($_->{key} // '') eq 'news@verein.example' } @rank;
	is($news->{verdict}, 'unlikely', "$mode: the newsletter is not") if $messages{'news@verein.example'};
	is(scalar listing($index, '--account', 'ANNA@kunde.example'), $messages{'anna@kunde.example'},
	    "$mode: accounts match without case");
}

# Recipient by recipient, where that is worth looking at: who is pending is what the server says, and each
# pending one has the words of its own far end.
sub check_recipients
{
	my ($mode, $index, $want) = @_;
	my (@wrong, $count);

	for my $id (grep { $want->{$_}{_tag} =~ /^(part|many|quote|smtputf8|edit)/ } sort keys %$want) {
		my ($row) = json_lines(sweep_ok({ index => $index, status => [0, 3] }, 'show', '--json', $id)->{out});
		my @pending = grep { $_->{state} eq 'pending' } @{$row->{recipient_list}};
		my @replies = map { [$_->{reply}, Mta::reasons_for($_->{address})] } grep { defined $_->{reply} } @pending;
		$count++;
		push @wrong, "$id ($want->{$id}{_tag})" if Mta::shown([sort map { $_->{address} } @pending]) ne
		    Mta::shown([sort @{$want->{$id}{_pending}}]) || grep { $_->[1] && $_->[0] !~ $_->[1] } @replies;
	}
	cmp_ok($count, '>=', 4, "$mode: show was asked for $count messages");
	ok(!@wrong, "$mode: show tells the same recipients pending, each with its reply") or diag("@wrong");
}

# Nothing changed: a second scan, which has to find the kind by itself, says so, and the list is the same.
sub check_again
{
	my ($mode, $index, $dir, $before) = @_;
	my ($scan) = scan_of($index, "$dir/spool");

	is_deeply([@$scan{qw(new changed gone)}], [0, 0, 0], "$mode: nothing new in a second scan");
	is_deeply([listing($index)], $before, "$mode: and the same list");
}

check_queue('short', 140, 1);
check_queue('long', 90, 0);
done_testing();
