# The crash sweep: purge, resume, undo, hold, release (and restore) are killed at every call that changes the disk, and made to
# fail at every call, of every kind of spool. At each point the bytes of every message must be somewhere, the exit status must be
# true, and a second run must end where an undisturbed one ends.
#
# "make check" tries all kills and a sample of the failures; "make asan" samples of both; "make sweep" tries all points. A kill before a call
# that only reads leaves the disk as a kill before the next one that writes: only "make sweep" tries those too.
# What a run reads to prove its numbers fails everywhere with EIO, whatever the sample.
#
# Under Wine a run costs ten times as much: there SmarterMail's purge is killed at all points and fails once in each way at each kind of call, and of
# the rest there is a sample; kills at random moments are left out.
#
#	SWEEP_EVERY=k	every k-th failure (half a write and then killed is one); 1: all, and kills before calls that read
#	SWEEP_KILLS=k	every k-th kill (1)
#	SWEEP_OFFSET=n	the first of them; else the commit chooses, so that every commit has another sample, and the same one each time
#	SWEEP_ONLY=re SWEEP_KINDS=list SWEEP_FAULTS=list	only these; SWEEP_ROUNDS=n kills at random moments (2); SWEEP_JOBS=n processes (2)
use strict;
use warnings;
use Test::More;
use Data::Dumper;
use Digest::SHA qw(sha256_hex);
use POSIX ();
use Time::HiRes qw(sleep time);
use Sweep;
use Fault;

plan skip_all => 'no build/spoolsweep-fault' if !fault_program();
my $dir = fault_dir();
my $is_slow = !can_serve();
my $every = $ENV{SWEEP_EVERY} || ($is_slow || is_under_asan() ? 480 : 120);
my $kills = $ENV{SWEEP_KILLS} || ($every == 1 ? 1 : $is_slow ? 70 : is_under_asan() ? 7 : 1);
my $commit = top_commit();
my $offset = defined $ENV{SWEEP_OFFSET} ? $ENV{SWEEP_OFFSET} : hex substr $commit, 0, 7;
my @kinds = split /,/, $ENV{SWEEP_KINDS} || (is_windows() ? 'smartermail' : 'postfix,exim,smartermail');
my @errors = qw(ENOSPC EIO EACCES EINTR EXDEV short ENOSPC+ EIO+ EACCES+);	# +: from there on, as a full disk is
my @faults = $ENV{SWEEP_FAULTS} ? split(/,/, $ENV{SWEEP_FAULTS}) : ('kill', 'killhalf', 'run', @errors);	# run: an MTA at work meanwhile
my %letter = ('ENOSPC+' => 's', 'EIO+' => 'i', 'EACCES+' => 'a', ENOSPC => 's', EIO => 'i', EACCES => 'a', EINTR => 'n', EXDEV => 'x', short => '[RW]', killhalf => 'W');
diag "every $every-th failure from ${\($offset % $every)} on, every $kills-th kill from ${\($offset % $kills)} on" .
    (defined $ENV{SWEEP_OFFSET} ? '' : ": SWEEP_OFFSET=$offset, from commit $commit");

# The commit that is tested, to choose a sample by; zeros where there is no repository.
sub top_commit {
	my ($id) = split ' ', qx(git -C '${\top_dir()}' rev-parse HEAD 2>/dev/null) // '';
	return substr $id // '0' x 12, 0, 12;
}

# Four messages: three are selected, one must never be touched. Of Postfix one is active and one held.
my %case;	# of this process
sub make {
	my ($kind, $where) = @_;
	return $case{$where} if $case{$where};
	my $is_new = !-d "$where/t";
	my $c = fault_case($where, $kind, 4, '--fast');
	my $m = messages($c, tree($c->{template}));
	my @id = sort keys %$m;
	if ($kind eq 'postfix' && $is_new) {
		for (['active', $id[0]], ['hold', $id[1]]) {
			my ($queue, $id) = @$_;
			rename "$c->{template}/" . (keys %{ $m->{$id} })[0], "$c->{template}/$queue/$id" or die $!;
		}
	}
	$c->{ids} = [@id[0 .. 2]];
	$c->{other} = $id[3];
	return $case{$where} = $c;
}

sub ids { my ($c) = @_; return map { ('--id', $_) } @{ $c->{ids} } }
# Another test may run a service of that name on this machine.
sub live { my ($c) = @_; return $c->{kind} eq 'smartermail' ? '--live' : () }
sub do_purge { my ($c) = @_; return ('purge', ids($c), '--execute', '--yes', '--archive', $c->{a}, live($c)) }
sub do_resume { my ($c) = @_; return ('purge', '--resume', '--archive', $c->{a}, live($c)) }
sub do_undo { my ($c) = @_; return ('purge', '--undo', 1, '--execute', live($c)) }
sub do_hold { my ($c) = @_; return ('hold', ids($c), '--execute', live($c)) }
sub do_release { return ('release', '--execute') }

# What a run has left, to be compared; $seen, $j: what look() and journal() say, once they did.
sub final {
	my ($c, $seen, $j) = @_;
	my $arc = archives($c);
	my %member = map { defined $_ ? %$_ : () } values %$arc;
	$seen ||= look($c);
	$j ||= journal($c);
	return { spool => $seen->{spool}, private => [sort keys %{ $seen->{private} }], members => \%member,
	    temporary => [grep { $_ ne '.spoolsweep-try' } map { (split m{/})[-1] } glob "$c->{a}/.??*"], plan => $j->{plan}, items => $j->{items} };
}

sub differs {
	my ($got, $want) = @_;
	for my $k (qw(spool private members temporary plan items)) {
		next if $k eq 'plan' && "$got->{plan} $want->{plan}" =~ /^(?:done|undone) (?:done|undone)$/ && !%{ $got->{members} };
		my ($g, $w) = map { Data::Dumper->new([$_->{$k}])->Sortkeys(1)->Indent(0)->Terse(1)->Dump } $got, $want;
		# A message that an undo put back before it was killed looks like one that was never taken.
		$_ =~ s/'planned'/'released'/g for $g, $w;
		$_ =~ s/\.spoolsweep(-s)?\/[^\/']+/.spoolsweep\/PLAN/g for $g, $w;
		$_ =~ s/-\d{8}T\d{6}Z-plan/-TIME-plan/g for $g, $w;
		next if $g eq $w;
		return "$k is $g, not $w" if ref $got->{$k} ne 'HASH' || ref $want->{$k} ne 'HASH';
		my %all = (%{ $got->{$k} }, %{ $want->{$k} });
		return "$k: " . join '; ', map { "$_ is " . ($got->{$k}{$_} // 'not there') . ', not ' . ($want->{$k}{$_} // 'there') }
		    grep { ($got->{$k}{$_} // '') ne ($want->{$k}{$_} // '') } sort keys %all;
	}
	return undef;
}

# Does the journal say where the messages are?
sub untrue {
	my ($c, $seen, $j) = @_;
	$seen ||= look($c);
	$j ||= journal($c);
	my %in_spool = map { (split ' ', $_)[-1] => 1 } values %{ $seen->{spool} };
	my %in_archive = map { map { $_ => 1 } values %{ $_ || {} } } values %{ archives($c) };
	for my $id (sort keys %{ $j->{items} || {} }) {
		my $state = $j->{items}{$id};
		my @want = values %{ $c->{messages}{$id} };
		my ($there, $archived) = (scalar(grep { $in_spool{$_} } @want), scalar(grep { $in_archive{$_} } @want));
		return "$id is $state, and $there of its files are in the spool" if $state =~ /^(?:deleted|gone|taken|archived|verified)$/ && $there;
		return "$id is deleted, and not in an archive" if $state eq 'deleted' && $archived != @want;
		return "$id is $state, and only $there of its files are in the spool"
		    if $state =~ /^(?:planned|changed|released)$/ && $there != @want;
		return "$id is $state ($j->{why}{$id}), and $there of its files are in the spool"
		    if $state =~ /^(?:failed|busy)$/ && $there && $there != @want;
	}
	return undef;
}

sub other_is_whole {
	my ($c, $seen) = @_;
	my $then = $c->{messages}{$c->{other}};
	my $now = messages($c, $seen->{spool})->{$c->{other}} || {};
	return join(' ', map { "$_ $now->{$_}" } sort keys %$now) eq join ' ', map { "$_ $then->{$_}" } sort keys %$then;
}

# What a run told of the proof that is not the arithmetic of four messages; a run that could not prove its numbers tells none.
sub false_proof {
	my ($r) = @_;
	my $proof = qr/before \d \+ arrived \d = after \d \+ deleted \d(?: \+ taken \d)? \+ vanished \d, by id(?:; not of queues that could not be read)?/;
	return join ' | ', grep { /\bbefore \S+ \+/ && !/^$proof$/ } split /\n/, $r->{out};
}

# A spool, scanned, and what was done to it before. It is made once; what look() sees is returned.
sub prepare {
	my ($c, $setup) = @_;
	my $key = join ' ', map { map { $_ // 'none' } @$_ } @$setup;
	if (($c->{prepared} // '') ne "for $key") {
		fresh($c);
		rewind($c, snapshot($c));	# rewound files have a newer ctime: so they have when the setup counts its calls
		for (@$setup) {
			my ($fault, $op) = @$_;
			my $r = run($c, $fault, $op->($c));
			die "setup: exit $r->{status} signal $r->{signal} $r->{err}" if $r->{status} != 0 || $r->{signal} != (defined $fault ? 9 : 0);
		}
		$c->{snapshot} = snapshot($c);
		$c->{prepared} = "for $key";
	}
	my $seen = eval { rewind($c, $c->{snapshot}) };
	delete $c->{prepared} if !$seen;
	return $seen || die $@;
}

# One point of a sweep: what is wrong there, as lines.
sub try_point {
	my ($c, $s, $fault) = @_;
	my $before = prepare($c, $s->{setup})->{spool};
	my $r = run($c, $fault, $s->{op}->($c));
	my ($seen, $j) = (look($c), journal($c));
	my $is_kill = $fault =~ /kill/;
	my @bad;
	my $say = sub { push @bad, "$c->{kind} $s->{name} $fault: $_[0]"; };
	# On a full disk a hold goes on without a copy of the plan, and says so.
	my $no_copy = $r->{err} =~ /no whole copy of the plan/;
	my ($want, $end) = map { $no_copy ? { %$_, private => [grep { !m{/plan\z} } @{ $_->{private} }] } : $_ } $s->{final}, final($c, $seen, $j);

	if (my @lost = lost($c, $seen)) {
		$say->("LOST @lost");
	}
	$say->("the message outside the selection was touched") if !other_is_whole($c, $seen);
	$say->("a false proof: " . false_proof($r)) if false_proof($r) ne '';
	if ($is_kill) {
		return @bad if $r->{signal} == 0;	# not reached: a run is a call shorter than the one that was counted
		$say->("signal $r->{signal}") if $r->{signal} != 9;
	} else {
		$say->("signal $r->{signal} $r->{err}") if $r->{signal};
		$say->("exit $r->{status} $r->{err}") if $r->{status} !~ /^[0-3]$/;
		my $why = untrue($c, $seen, $j);
		$say->("exit $r->{status}: $why; $r->{err}") if defined $why && $r->{status} =~ /^[03]$/;
		if ($r->{status} == 1) {
			my $now = $seen->{spool};
			my @changed = grep { ($now->{$_} // '') ne ($before->{$_} // '') && ($now->{$_} // '') !~ /dir$/ &&
			    ($before->{$_} // '') !~ /dir$/ } keys %{ { %$now, %$before } };
			$say->("exit 1, but the spool changed: @changed; $r->{err}") if @changed;
		}
		# A temporary list that cannot be removed is left, and harmless.
		my $d = $r->{status} == 0 ? differs({ %$end, temporary => $s->{final}{temporary} }, $want) : undef;
		$say->("exit 0, but $d; $r->{err}") if defined $d;
		return @bad if $r->{status} == 0 || ($r->{status} == 1 && !@{ $s->{setup} });
	}
	my $begun = defined $j->{plan} && $j->{plan} ne 'planned';
	my $r2 = run($c, undef, $s->{again}->($c));
	my ($seen2, $j2) = (look($c), journal($c));
	$end = final($c, $seen2, $j2);
	$end->{private} = [grep { !m{/plan\z} } @{ $end->{private} }] if $no_copy;
	$say->("the second run: signal $r2->{signal} exit $r2->{status} $r2->{err}") if $r2->{signal} || $r2->{status} !~ /^[03]$/;
	$say->("the second run: a false proof: " . false_proof($r2)) if false_proof($r2) ne '';
	if (my @lost = lost($c, $seen2)) {
		$say->("LOST @lost after the second run");
	}
	my $why = untrue($c, $seen2, $j2);
	$say->("after the second run: $why; $r2->{err}") if defined $why;
	# A kill between the making of the private folder and the plan's beginning leaves the folder, empty.
	my @left = grep { $seen2->{private}{$_} !~ / dir\z/ && !m{/lock\z} } @{ $end->{private} };
	$say->("never begun, but there are @left") if !$begun && @left;
	# What a killed run has published is used, not written a second time.
	my @twice = glob "$c->{a}/*.tar.zst";
	$say->("after the second run there are @twice") if $is_kill && @twice > 1;
	# An undo that failed before it was noted: a resume then goes on with the purge.
	return @bad if $s->{name} =~ /^undo-then/ && $j->{plan} !~ /^undo/;
	my $d = $begun || @{ $s->{setup} } ? differs($end, $want) : differs({ %$end, private => [], items => {}, plan => '' },
	    { spool => $before, private => [], members => {}, temporary => [], plan => '', items => {} });
	$say->("after the second run (exit $r2->{status}): $d; $r->{err} $r2->{err}")
	    if defined $d && ($is_kill || ($r2->{status} == 0 && $r->{status} != 3));
	# What was skipped is in the spool again, and nothing in the private folder.
	my $private = $s->{op} == \&do_hold ? [] : $end->{private};
	$say->("exit 3, and after a resume there is still @$private; $r->{err} $r2->{err}") if $r->{status} == 3 && grep { /\d+\.\d+\z/ } @$private;
	return @bad;
}

# Where a purge is cut before a resume or an undo: at the second taking, behind the last, when the archive is written, behind its
# publishing, in the middle of the deleting of one message and of all.
sub cuts {
	my ($c) = @_;
	prepare($c, []);
	my ($p) = points($c, do_purge($c));
	my @take = grep { $_->{name} eq 'sys_rename' && $_->{path2} =~ m{/\.spoolsweep} } @$p;
	my ($written) = grep { $_->{name} eq 'sys_sync' && $_->{path} =~ m{\.tar\.zst\.tmp$} } @$p;
	my ($publish) = grep { $_->{name} eq 'sys_rename' && $_->{path2} =~ m{\.tar\.zst$} } @$p;
	my @delete = grep { $_->{name} eq 'sys_unlink' && $_->{path} =~ m{/\d+\.\d+$} } @$p;
	return ([taken_some => $take[1]{n}], [taken_all => $take[-1]{n} + 1], [archived => $written->{n}], [published => $publish->{n} + 1],
	    [deleted_part => $delete[1]{n}], [deleted_some => $delete[-1]{n}]);
}

sub sweeps {
	my ($c) = @_;
	my @s = (
		{ name => 'purge', setup => [], op => \&do_purge, again => \&do_resume },
		{ name => 'hold', setup => [], op => \&do_hold, again => \&do_resume },
		{ name => 'release', setup => [[undef, \&do_hold]], op => \&do_release, again => \&do_release },
	);
	for (cuts($c)) {
		my ($name, $n) = @$_;
		my @setup = ["$n:kill", \&do_purge];
		push @s, { name => "resume-$name", setup => \@setup, op => \&do_resume, again => \&do_resume };
		push @s, { name => "undo-$name", setup => \@setup, op => \&do_undo, again => \&do_undo };
		push @s, { name => "undo-then-resume-$name", setup => \@setup, op => \&do_undo, again => \&do_resume };
	}
	@s = grep { $_->{name} =~ /$ENV{SWEEP_ONLY}/ } @s if defined $ENV{SWEEP_ONLY};
	for my $s (@s) {
		prepare($c, $s->{setup});
		my ($p, $r) = points($c, $s->{op}->($c));
		$s->{points} = $p;
		$s->{status} = $r->{status};
		$s->{err} = $r->{err};
		$s->{final} = final($c);
		$s->{lost} = [lost($c)];
		$s->{untrue} = untrue($c);
	}
	return @s;
}

# ---- restore ----

# What a restore has made: Postfix gives new ids, so names are left out there.
sub restored {
	my ($c) = @_;
	my $seen = look($c);
	my $t = { %{ $seen->{spool} }, %{ $seen->{private} } };
	my @files = grep { $t->{$_} !~ / dir\z/ } keys %$t;
	# Exim's -frozen line has the time of the restore.
	for (grep { /-H\z/ } @files) {
		my $sha = sha256_hex(slurp("$c->{s}$_") =~ s/^-frozen \d+$/-frozen/mr);
		$t->{$_} =~ s/\w+\z/$sha/;
	}
	return [sort map { ($c->{kind} eq 'postfix' ? (split m{/}, $_)[1] : $_) . " $t->{$_}" } @files];
}

sub do_restore {
	my ($c) = @_;
	my ($archive) = glob "$c->{a}/*.tar.zst";
	return ('restore', $archive, '--execute', $c->{kind} eq 'exim' ? ('--to-queue', 'restored') : ());
}

sub try_restore {
	my ($c, $s, $fault) = @_;
	prepare($c, $s->{setup});
	my $before = restored($c);
	my $r = run($c, $fault, do_restore($c));
	my @bad;
	my $say = sub { push @bad, "$c->{kind} restore $fault: $_[0]"; };
	return () if $fault =~ /kill/ && !$r->{signal};
	$say->("signal $r->{signal} $r->{err}") if $r->{signal} != ($fault =~ /kill/ ? 9 : 0);
	my @lost = lost($c);
	$say->("LOST @lost") if @lost;
	$say->("exit $r->{status} $r->{err}") if !$r->{signal} && $r->{status} !~ /^[0-3]$/;
	my $now = join "\n", grep { !m{\.spoolsweep} } @{ restored($c) };
	$say->("exit 1, but the spool changed; $r->{err}") if !$r->{signal} && $r->{status} == 1 && $now ne join "\n", @$before;
	$say->("exit 0, but it is not what an undisturbed run leaves; $r->{err}")
	    if !$r->{signal} && $r->{status} == 0 && $now ne join "\n", @{ $s->{final} };
	my $r2 = run($c, undef, do_restore($c));
	$say->("the second run: exit $r2->{status} signal $r2->{signal} $r2->{err}") if $r2->{signal} || $r2->{status} !~ /^[03]$/;
	my $end = restored($c);
	my %more = map { $_ => 1 } @$end;
	my %want = map { $_ => 1 } @{ $s->{final} };
	my @extra = grep { !$want{$_} } sort keys %more;
	my @missing = grep { !$more{$_} } sort keys %want;
	$say->("after the second run (exit $r2->{status}) extra: @extra; missing: @missing; $r->{err} $r2->{err}") if @extra || @missing;
	$say->("after the second run a message is there twice") if @$end != @{ $s->{final} };
	return @bad;
}

sub restore_sweep {
	my ($c) = @_;
	my $s = { name => 'restore', setup => [[undef, \&do_purge]], try => \&try_restore };
	prepare($c, $s->{setup});
	my ($p, $r) = points($c, do_restore($c));
	@$s{qw(points status err final lost)} = ($p, $r->{status}, $r->{err}, restored($c), [lost($c)]);
	return $s;
}

# ---- an MTA at work ----

# Postfix delivers a message, or takes it into its active queue, at each call of a purge.
sub try_race {
	my ($c, $s, $fault) = @_;
	prepare($c, []);
	my $id = $c->{ids}[2];
	my ($rel) = keys %{ $c->{messages}{$id} };
	my $mark = "$c->{dir}/happened";
	unlink $mark;
	my $what = $s->{name} eq 'deliver' ? "mv $c->{s}/$rel " . ($c->{vault} || $c->{dir}) . '/' : "mv $c->{s}/$rel $c->{s}/active/$id";
	my $r = run($c, $fault, { SPOOLSWEEP_FAULT_RUN => "$what 2>/dev/null && touch $mark || true" }, do_purge($c));
	my $happened = -e $mark;
	my @bad;
	my $say = sub { push @bad, "postfix $s->{name} $fault: $_[0]"; };
	my @lost = grep { !($happened && $s->{name} eq 'deliver' && $_ eq $id) } lost($c);
	$say->("LOST @lost") if @lost;
	$say->("exit $r->{status} signal $r->{signal} $r->{err}") if $r->{signal} || $r->{status} !~ /^[03]$/;
	my $state = journal($c)->{items}{$id} // 'never planned';
	my $expect = !$happened ? qr/^deleted$/ : $s->{name} eq 'deliver' ? qr/^gone$|^never planned$/ : qr/^deleted$/;
	$say->("it is $state") if $state !~ $expect;
	my $why = untrue($c);
	$say->($why) if defined $why;
	return @bad;
}

sub race_sweeps {
	my ($c) = @_;
	return () if $c->{kind} ne 'postfix';
	return map {
		my $s = { name => $_, setup => [], try => \&try_race };
		prepare($c, []);
		my ($p, $r) = points($c, do_purge($c));
		@$s{qw(points status err lost)} = ($p, $r->{status}, $r->{err}, [lost($c)]);
		$s;
	} qw(deliver activate);
}

# ---- all of them ----

# Which of the points of a sweep are tried for a fault.
my %nth;
sub chosen {
	my ($s, $fault, @p) = @_;
	my ($what, $step) = $fault eq 'kill' ? ('kill', $kills) : ('failure', $every);
	return grep { $nth{$what}++ % $step == $offset % $step } @p if !is_windows() || $s->{name} ne 'purge' || $every == 1;
	return @p if $fault eq 'kill';
	my %of;
	push @{ $of{ $_->{name} } }, $_ for @p;
	return map { $_->[$offset % @$_] } map { $of{$_} } sort keys %of;
}

# Is a call of a sweep a point for this fault?
sub meets {
	my ($s, $p, $fault) = @_;
	return $fault eq 'run' if $s->{name} =~ /^(?:deliver|activate)$/;
	return $every == 1 || $p->{can} =~ /C/ if $fault eq 'kill';
	return $fault ne 'run' && $p->{can} =~ /$letter{$fault}/;
}

# The folders that a run reads behind its last change of the spool: its proof stands on them, so each is a point.
sub of_proof {
	my ($s) = @_;
	return () if is_windows() || $s->{name} !~ /^(?:purge|hold)\z/;
	my ($last) = map { $_->{n} } grep { $_->{name} =~ /^sys_(?:rename|unlink|rmdir)\z/ && $_->{path} !~ m{/i/} } reverse @{ $s->{points} };
	my @p = grep { $_->{n} > $last && $_->{name} =~ /^sys_dir_(?:open|sub|next)\z/ } @{ $s->{points} };
	die "$s->{name}: the spool is not read again" if !@p;
	return @p;
}

my (%all, %tried, @jobs);
for my $kind (@kinds) {
	my $c = make($kind, "$dir/w9/$kind");	# as deep as the workers' folders: so are the calls
	my @s = (sweeps($c), map { defined $ENV{SWEEP_ONLY} && $_->{name} !~ /$ENV{SWEEP_ONLY}/ ? () : $_ } restore_sweep($c), race_sweeps($c));
	for my $s (@s) {
		ok($s->{status} == 0 || $s->{status} == 3 && $s->{name} =~ /^undo/, "$kind $s->{name}: undisturbed")
		    or diag "exit $s->{status} $s->{err}";
		is(scalar keys %{ $s->{final}{items} }, 3, "$kind $s->{name}: the journal can be read") if ref $s->{final} eq 'HASH';
		is_deeply([$s->{lost}, $s->{untrue}, ref $s->{final} eq 'HASH' ? $s->{final}{temporary} : []], [[], undef, []],
		    "$kind $s->{name}: undisturbed, nothing is lost, the journal is true, no temporary file is left");
		for my $fault (@faults) {
			my @p = grep { meets($s, $_, $fault) } @{ $s->{points} };
			next if !@p;
			$all{$fault} += @p;
			my @proof = $fault eq 'EIO' ? of_proof($s) : ();
			my %is = map { $_->{n} => $_ } chosen($s, $fault, @p), @proof;
			@p = map { $is{$_} } sort { $a <=> $b } keys %is;
			$tried{$fault} += @p;
			push @jobs, map { my $n = $_->{n}; sub {
				my ($where) = @_;
				my $c = make($kind, "$where/$kind");
				return ($s->{try} || \&try_point)->($c, $s, $fault =~ /(.*)\+\z/ ? "$n+:$1" : "$n:$fault");
			} } @p;
		}
	}
}

my $begun = time;
my @bad = in_workers($dir, @jobs);
my $points = 0;
$points += $_ for values %all;
diag sprintf '%d points, %d tried in %.0f s: %s', $points, scalar @jobs, time - $begun, join ', ',
    map { "$_ $tried{$_}" . ($tried{$_} < $all{$_} ? " of $all{$_}" : '') } sort keys %tried;
is(scalar @bad, 0, scalar(@jobs) . " points of $points: nothing is lost, the exit status is true, a second run ends where an undisturbed one ends");

# ---- killed at random moments, 2,000 messages ----

my $rounds = defined $ENV{SWEEP_ROUNDS} ? $ENV{SWEEP_ROUNDS} : is_windows() ? 0 : 2;
for my $kind ($rounds > 0 ? @kinds : ()) {
	my $c = fault_case("$dir/many-$kind", $kind, 2000, '--fast');
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a}, live($c));
	my ($seconds, $killed);
	for my $round (0 .. $rounds) {
		fresh($c);
		my $begun = time;
		my $pid = fork;
		if ($pid == 0) {
			open STDOUT, '>', '/dev/null';
			open STDERR, '>', '/dev/null';
			exec fault_program(), '--index', $c->{i}, @purge or exit 127;
		}
		if ($round > 0) {	# the first one tells how long it takes
			sleep rand $seconds;
			$killed += kill 'KILL', $pid;
		}
		waitpid $pid, 0;
		$seconds = time - $begun if $round == 0;
		is(scalar(my @lost = lost($c)), 0, "$kind, 2,000 messages, round $round: nothing is lost");
		my $r = run($c, undef, do_resume($c));
		is($r->{status}, 0, "$kind, round $round: resumed") or diag $r->{err};
		my $j = journal($c);
		my %state = map { $_ => 1 } values %{ $j->{items} || {} };
		my $never = !defined $j->{plan} || $j->{plan} eq 'planned';
		is(join(' ', sort keys %state), $never ? (%state ? 'planned' : '') : 'deleted', "$kind, round $round: all have the same fate");
		is(scalar(my @lost2 = lost($c)), 0, "$kind, round $round: nothing is lost after the resume");
		is(defined untrue($c) ? untrue($c) : '', '', "$kind, round $round: the journal is true");
	}
	diag "$kind: killed $killed times within $seconds s";
}

done_testing;
