# restore --as eml DIR and --as mbox FILE: messages as their readers would have got them, beside what this test reads from the spool itself.
# (2220 compares with postcat and exim -Mvc on spools of real servers.)
use strict;
use warnings;
use File::Basename qw(dirname basename);
use lib dirname(__FILE__);
use Sweep;
use Fault;
use Test::More;

my $dir = work_dir();
my $nowhere = "$dir/no-index/index.db";
my $now = time;

sub purge {
	my ($index, $spool, @selectors) = @_;
	sweep_ok({ index => $index, status => [0, 3] }, 'scan', '-q', $spool);
	my @list = listing($index, @selectors ? @selectors : '--all');
	my $r = sweep_ok({ index => $index, status => [0, 3] }, 'purge', @selectors ? @selectors : '--all', '--execute', '--yes', '--json',
	    '--archive', "$dir/archives");
	my @rows = json_lines($r->{out});
	my %deleted = map { $_->{id} => 1 } grep { ($_->{state} // '') eq 'deleted' } @rows;	# damaged ones stay, but for --damaged
	return ($rows[-1]{archive}, grep { $deleted{ $_->{id} } } @list);
}

sub restore {
	my ($archive, @args) = @_;
	my $r = sweep({ index => $nowhere }, 'restore', '--json', $archive, @args);
	my @rows = json_lines($r->{out});
	return { %$r, sums => @rows && exists $rows[-1]{archive} ? pop @rows : undef, rows => \@rows, by_id => { map { $_->{id} => $_ } @rows } };
}

sub files_of { my ($root) = @_; my $t = Fault::tree($root, 1); return { map { $_ => $t->{$_} } grep { $t->{$_} !~ / dir$/ } keys %$t } }

# What a reader gets of a Postfix queue file: its N and L records, one behind the other; undef when pointers (a milter's edits) lead elsewhere.
sub postfix_text {
	my ($bytes) = @_;
	my ($at, $text, $in) = (0, '', 0);
	while ($at < length $bytes) {
		my $type = substr $bytes, $at++, 1;
		my ($n, $shift, $b) = (0, 0);
		do {
			$b = ord substr $bytes, $at++, 1;
			$n |= ($b & 0x7f) << $shift;
			$shift += 7;
		} while $b & 0x80;
		my $data = substr $bytes, $at, $n;
		$at += $n;
		return undef if $type eq 'p' && $data !~ /^\s*0$/;
		$in = 1 if $type eq 'M';
		last if $type eq 'X';
		$text .= $data . ($type eq 'N' ? "\n" : '') if $in && $type =~ /[NL]/;
	}
	return $text;
}

# Of an Exim message: the live headers of -H, a blank line, -D behind its first line. A blank line may also stand in the value of a variable: the
# headers are what is left whole.
sub exim_text {
	my ($head, $data) = @_;
	my $text;
	while (!defined $text && $head =~ s/\A.*?\n\n//s) {
		my ($rest, $live) = ($head, '');
		while ($rest =~ s/\A(\d{3,})(.) //) {
			my ($n, $flag) = ($1, $2);
			$live .= substr $rest, 0, $n if $flag ne '*';
			substr $rest, 0, $n < length $rest ? $n : length $rest, '';
		}
		$text = $live if $rest eq '';
	}
	$data =~ s/\A[^\n]*\n//;
	return defined $text ? "$text\n$data" : undef;
}

# id => text of every message of a spool, as far as this test can read it.
sub texts {
	my ($kind, $spool) = @_;
	my %text;
	for my $path (sort keys %{ files_of($spool) }) {
		my $bytes = slurp("$spool$path");
		if ($kind eq 'postfix') {
			next if $path !~ m{^/(?:maildrop|incoming|active|deferred|hold)/};
			my $text = postfix_text($bytes);
			$text{ basename($path) } = $text if defined $text;
		} elsif ($kind eq 'exim') {
			my ($id) = $path =~ m{([^/]+)-H$} or next;
			my $data = $spool . $path =~ s/H$/D/r;
			my $text = -e $data ? exim_text($bytes, slurp($data)) : undef;
			$text{$id} = $text if defined $text;
		} elsif ($path =~ m{([^/]+)\.eml$}i) {
			$text{$1} = $bytes;
		}
	}
	return \%text;
}

# An mboxrd as any reader of such takes it apart: [ sender, time, text ] each.
sub read_mbox {
	my ($bytes) = @_;
	my @m;
	for my $line (split /^/, $bytes) {
		my ($sender, $time) = $line =~ /^From (\S+) (\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\n\z/;
		if (defined $time && (!@m || $m[-1][2] =~ /\n\n\z/)) {
			$m[-1][2] =~ s/\n\z// if @m;
			push @m, [ $sender, $time, '' ];
			next;
		}
		die "a From line that is none: $line" if $line =~ /^From /;
		$m[-1][2] .= $line =~ s/^>(>*From )/$1/r;
	}
	$m[-1][2] =~ s/\n\z// if @m;
	return @m;
}

sub asctime {
	my ($arrived) = @_;
	my ($y, $mo, $d, $h, $mi, $s) = $arrived =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/ or return 'Thu Jan  1 00:00:00 1970';
	require POSIX;
	local $ENV{TZ} = 'UTC';
	return POSIX::asctime(gmtime Time::Local::timegm($s, $mi, $h, $d, $mo - 1, $y)) =~ s/\n//r;
}
require Time::Local;

my $odd = "From me to you\n>From an answer\n>>From an older one\n From afar\nFrom\nFro\n>\n\nFrom: no\nFrom \n\n\nno end";

# A split spool has folders a and A: without case they are one, so there is none on Windows.
for my $case ([ postfix => 'postfix', '--hostile' ], [ 'postfix-long' => 'postfix', '--long-ids' ], [ exim => 'exim', '--hostile' ],
    [ 'exim-split' => 'exim', is_windows() ? () : '--split', '--named-queue', 'slow' ], [ smartermail => 'smartermail', '--hostile' ]) {
	my ($name, $kind, @opt) = @$case;
	my $spool = "$dir/$name/Spool";
	mkdir "$dir/$name" or die $!;
	mkspool('--now', $now, @opt, $kind, $spool, 80);
	my ($odd_id);
	if ($kind ne 'postfix') {	# lines that an mbox must quote, and no LF at the end
		my ($path) = grep { $kind eq 'exim' ? /-D$/ : /\.eml$/i } sort keys %{ files_of($spool) };
		open my $f, '>>:raw', "$spool$path" or die $!;
		print $f $kind eq 'exim' ? $odd : $odd =~ s/\n/\r\n/gr . "\rx\r\r\n\r";
		close $f;
		($odd_id) = $path =~ m{([^/]+)(?:-D|\.eml)$}i;
	}
	my $text = texts($kind, $spool);
	my ($archive, @list) = purge("$dir/$name/index.db", $spool);
	my %was = map { $_->{id} => $_ } @list;
	cmp_ok(scalar(grep { defined $text->{$_} } keys %was), '>=', 60, "$name: this test reads most of them itself");

	# eml
	my $out = "$dir/$name/out/eml";
	my $r = restore($archive, '--as', 'eml', $out);
	is($r->{status}, 0, "$name: dry run") or diag($r->{err});
	ok(!-e "$dir/$name/out", '  writes nothing');
	is($r->{sums}{planned}, scalar @list, '  all are planned, from maildrop too');
	$r = restore($archive, '--as', 'eml', $out, '--execute');
	is($r->{status}, 0, '  written') or diag($r->{err});
	is_deeply([ sort map { $_->{id} } grep { $_->{state} eq 'restored' && !defined $_->{why} && !defined $_->{new_id} } @{ $r->{rows} } ], [ sort keys %was ], '  each is told');
	is_deeply([ sort map { $_->{path} } @{ $r->{rows} } ], [ sort map { "$out$_" } keys %{ files_of($out) } ], '  by its file, and there are no others');
	my @wrong = grep { my $t = $text->{$_}; defined $t && slurp($r->{by_id}{$_}{path}) ne $t } sort keys %was;
	is_deeply(\@wrong, [], '  the bytes are those that a reader would have got');
	is_deeply([ grep { ((stat)[2] & 07777) != 0600 } glob "$out/*.eml" ], [], '  mode 0600') if !is_windows();
	is_deeply([ grep { !m{/[A-Za-z0-9_+=-]+\.eml$} } map { $_->{path} } @{ $r->{rows} } ], [], '  names that any system takes');

	my ($one, $two) = sort keys %was;
	spew($r->{by_id}{$one}{path}, 'mine');
	unlink $r->{by_id}{$two}{path};
	my $again = restore($archive, '--as', 'eml', $out, '--execute');
	is($again->{status}, 3, '  a second time: exit 3');
	is_deeply([ $again->{sums}{exists}, $again->{by_id}{$two}{state} ], [ @list - 1, 'restored' ], '  exists, but for the one that was missing');
	is(slurp($r->{by_id}{$one}{path}), 'mine', '  and nothing is overwritten');

	# mbox
	my $mbox = "$dir/$name/out/all.mbox";
	$r = restore($archive, '--as', 'mbox', $mbox);
	is($r->{status}, 0, "$name: mbox, dry run") or diag($r->{err});
	ok(!-e $mbox, '  writes nothing');
	$r = restore($archive, '--as', 'mbox', $mbox, '--execute');
	is($r->{status}, 0, '  written') or diag($r->{err});
	my @m = read_mbox(slurp($mbox));
	is(scalar @m, scalar @list, '  one message each');
	is(sprintf('%o', (stat $mbox)[2] & 07777), '600', '  mode 0600') if !is_windows();
	@wrong = ();
	for my $i (0 .. $#{ $r->{rows} }) {
		my ($id, $m) = ($r->{rows}[$i]{id}, $m[$i]);
		my $t = $text->{$id};
		if (defined $t) {
			$t =~ s/\r\n/\n/g;
			$t .= "\n" if $t !~ /\n\z/;
			push @wrong, "$id: text" if $m->[2] ne $t;
		}
		my $sender = $was{$id}{sender};
		push @wrong, "$id: sender $m->[0]" if $m->[0] ne ($sender // '' eq '' ? $sender =~ s/[\x00-\x20\x7f]/_/gr : 'MAILER-DAEMON') && ($sender // '') =~ /^[!-~]+$/;
		push @wrong, "$id: time $m->[1]" if $m->[1] ne asctime($was{$id}{arrived} // '');
	}
	is_deeply(\@wrong, [], '  text, sender and time of each');
	is_deeply([ grep { !/^\.?\.?$/ && !/^(?:eml|all\.mbox)$/ } do { opendir my $d, "$dir/$name/out"; readdir $d } ], [], '  and no temporary file');
	my $bytes = slurp($mbox);
	for my $execute ([], ['--execute']) {
		my $f = restore($archive, '--as', 'mbox', $mbox, @$execute);
		is($f->{status}, 1, "  a file that is there: exit 1 @$execute");
		like($f->{err}, qr/is there already/, '    said');
	}
	is(slurp($mbox), $bytes, '  and left as it is');

	# selectors
	$r = restore($archive, '--as', 'mbox', "$dir/$name/out/one.mbox", '--id', $two, '--execute');
	is(scalar(read_mbox(slurp("$dir/$name/out/one.mbox"))), 1, '  a selector');
	$r = restore($archive, '--as', 'mbox', "$dir/$name/out/none.mbox", '--account', 'nobody@nowhere.example', '--execute');
	is($r->{status}, 0, '  nothing selected');
	ok(!-e "$dir/$name/out/none.mbox", '    makes no file');
	is(scalar(grep { my $path = $_; grep { index($path, $_) >= 0 } keys %was } keys %{ files_of($spool) }), 0, '  and the spool stays as it is');
}

# ---- what is damaged, and what a broken archive gives
{
	my $spool = "$dir/damaged";
	mkspool('--now', $now, 'postfix', $spool, 5);
	my ($path) = grep { m{^/deferred} } sort keys %{ files_of($spool) };
	my $bytes = slurp("$spool$path");
	truncate "$spool$path", length($bytes) - 60 or die $!;
	my ($archive, @list) = purge("$dir/damaged.db", $spool, '--damaged');
	is(scalar @list, 1, 'a damaged message');
	for my $as (qw(eml mbox)) {
		my $r = restore($archive, '--as', $as, "$dir/damaged-$as", '--execute');
		is($r->{status}, 3, "  as $as: exit 3");
		is($r->{rows}[0]{state}, 'restored', '  what can be read of it is written');
		like($r->{rows}[0]{why}, qr/^damaged: /, '  and it is said that it is damaged');
		like(slurp($r->{rows}[0]{path}), qr/^Subject: /m, '  with its headers');
	}
	$bytes = slurp($archive);
	substr($bytes, length($bytes) / 2, 1) ^= "\x10";
	mkdir "$dir/broken";
	spew("$dir/broken/" . basename($archive), $bytes);
	for my $as (qw(eml mbox)) {
		my $r = restore("$dir/broken/" . basename($archive), '--as', $as, "$dir/broken-$as", '--execute');
		is($r->{status}, 1, "a broken archive, as $as: refused");
		ok(!-e "$dir/broken-$as", '  nothing is made');
	}

	# usage
	mkspool('--now', $now, 'postfix', "$dir/use", 3);
	my ($use) = purge("$dir/use.db", "$dir/use");
	for my $bad ([ qr/--as eml DIR or --as mbox FILE/, '--as', 'pdf', 'x' ], [ qr/needs two words/, '--as', 'eml' ], [ qr/no option|two words/, '--as' ],
	    [ qr/--to is for messages/, '--as', 'eml', "$dir/u", '--to', "$dir/use" ], [ qr/--rate is for/, '--as', 'eml', "$dir/u", '--rate', '1/s' ],
	    [ qr/--thaw is for/, '--as', 'mbox', "$dir/u", '--thaw' ], [ qr/lies in the spool/, '--as', 'eml', "$dir/use/hold" ],
	    [ qr/lies in the spool/, '--as', 'mbox', "$dir/use/x.mbox" ], [ qr/DIR or/, '--as', 'eml', '' ]) {
		my ($says, @args) = @$bad;
		my $r = restore($use, @args, '--execute');
		is($r->{status}, 64, "@args: usage");
		like($r->{err}, $says, '  and says why');
	}
	ok(!-e "$dir/u", 'and nothing is made');
	is(restore($use, '--as', 'mbox', "$dir/no/such/folder/x.mbox", '--execute')->{status}, 1, 'an mbox in a folder that is not there: 1');
	my $r = sweep({ index => $nowhere, dir => $dir }, 'restore', $use, '--as=mbox', 'here.mbox', '--execute');
	is($r->{status}, 0, 'a name without a folder') or diag($r->{err});
	like($r->{out}, qr/restored  \w+ -> \Q$dir\E\/here\.mbox/, '  and each is told for people');
	is(scalar(read_mbox(slurp("$dir/here.mbox"))), 3, '  is in the folder at hand');
}

# ---- killed, or on a full disk: what stands under its name is whole
SKIP: {
	skip 'no build/spoolsweep-fault', 1 if !fault_program();
	my $c = fault_case("$dir/fault", 'exim', 3, '--fast');
	fresh($c);
	run($c, undef, 'purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my ($archive) = glob "$c->{a}/*.tar.zst";
	for my $as (qw(eml mbox)) {
		my @args = ('restore', $archive, '--as', $as, "$c->{dir}/exp/$as", '--execute');
		my $clean = sub { system('rm', '-rf', "$c->{dir}/exp"); mkdir "$c->{dir}/exp" or die $! };
		$clean->();
		my ($points, $r) = points($c, @args);
		is($r->{status}, 0, "$as, undisturbed") or diag $r->{err};
		my $whole = files_of("$c->{dir}/exp");
		s/^\S+ \S+ // for values %$whole;
		my ($tried, @bad) = 0;
		for my $fault ('kill', 'ENOSPC+', 'EIO') {
			for my $p (grep { $_->{can} =~ ($fault eq 'kill' ? qr/C/ : $fault eq 'EIO' ? qr/i/ : qr/s/) && $_->{path} =~ m{/exp/} } @$points) {
				$clean->();
				$r = run($c, $fault =~ /(.*)\+/ ? "$p->{n}+:$1" : "$p->{n}:$fault", @args);
				$tried++;
				my $files = files_of("$c->{dir}/exp");
				my $is_all = !grep { !defined $files->{$_} } keys %$whole;
				push @bad, "$fault $p->{n}: exit $r->{status} signal $r->{signal}" if $fault ne 'kill' && $r->{status} !~ ($is_all ? qr/^[013]$/ : qr/^[13]$/);
				push @bad, "$fault $p->{n}: $_" for grep { !m{/\.spoolsweep-\w+\.tmp$} && ($files->{$_} =~ s/^\S+ \S+ //r) ne ($whole->{$_} // '') } keys %$files;
				push @bad, "$fault $p->{n}: a temporary file stays" if $fault eq 'EIO' && $p->{name} !~ /unlink/ && grep { /\.tmp$/ } keys %$files;
				$r = run($c, undef, @args);
				$files = files_of("$c->{dir}/exp");
				push @bad, "$fault $p->{n}, again: exit $r->{status} $r->{err}" if $r->{status} !~ /^[013]$/ || grep { !defined $files->{$_} } keys %$whole;
			}
		}
		is_deeply(\@bad, [], "$as: $tried points");
		cmp_ok($tried, '>', 5, '  there were some');
	}
}

done_testing();
