# Power loss: the order log of purge, resume, hold, undo and release is replayed, cut after each call, with what no fsync has made
# durable dropped: all of it, none of it, each single piece
# of it, and random parts of it. In each of those worlds every message must be whole in the
# spool and the private folder, or in an archive that is complete under its name.
#
# What the model lets a file system forget: a new name (create, rename, mkdir) until its folder is synced; the going of a name
# (unlink, rename) until its folder is synced; bytes until their file is synced; what lies in a folder that was forgotten. What
# it relies on: a rename does not lose the old name before the new one is there. SQLite's own files are left to SQLite.
use strict;
use warnings;
use Test::More;
use Sweep;
use Fault;

plan skip_all => 'no build/spoolsweep-fault' if !fault_program();
my $dir = fault_dir();
my $random = 2;		# random worlds a cut, beside all, nothing, all but bytes, and all but one
srand(defined $ENV{SWEEP_OFFSET} ? $ENV{SWEEP_OFFSET} : 7);

sub up { my ($p) = @_; $p =~ s{/[^/]*\z}{}; return $p }

# The log as single steps on names and bytes; what failed is left out by looking whether it was possible.
sub steps {
	my ($log, $start) = @_;
	my %is = %$start;		# path => object
	my (%size, @step, $next);
	my $make = sub {
		my ($path, $what) = @_;
		return if defined $is{$path};
		$is{$path} = $what . ++$next;
		push @step, { op => 'add', path => $path, object => $is{$path} };
	};
	for my $c (@$log) {
		my ($name, $p, $q) = @$c{qw(name path path2)};
		my $at = @step;
		if ($name =~ /^sys_mkdir/) {
			$make->($p, 'dir');
		} elsif ($name eq 'sys_make_path') {
			my $so_far = '';
			for (grep { length } split m{/}, $p) {
				$so_far .= "/$_";
				$make->($so_far, 'dir') if !-d $so_far || defined $start->{"new $so_far"};
			}
		} elsif ($name eq 'sys_create_at' || $name eq 'sys_lock_take') {
			$make->($p, 'file');
		} elsif ($name eq 'sys_rename' && defined $is{$p} && !defined $is{$q}) {
			push @step, { op => 'add', path => $q, object => $is{$p} }, { op => 'del', path => $p, object => $is{$p}, after => $at };
			$is{$q} = delete $is{$p};
		} elsif (($name eq 'sys_unlink' || $name eq 'sys_rmdir') && defined $is{$p}) {
			push @step, { op => 'del', path => $p, object => delete $is{$p} };
		} elsif ($name eq 'sys_write' && defined $is{$p}) {
			$size{$is{$p}} += $c->{bytes};
			push @step, { op => 'write', object => $is{$p}, size => $size{$is{$p}} };
		} elsif ($name eq 'sys_sync' && defined $is{$p}) {
			push @step, { op => 'sync', object => $is{$p} };
		} elsif ($name eq 'sys_sync_dir') {
			push @step, { op => 'sync_dir', path => $p };
		}
	}
	return (\@step, \%size, \%is);
}

# Which steps up to $cut an fsync has made durable.
sub durable {
	my ($step, $cut) = @_;
	my %durable;
	for my $i (grep { $step->[$_]{op} =~ /^sync/ } 0 .. $cut) {
		my $s = $step->[$i];
		for my $k (0 .. $i - 1) {
			my $t = $step->[$k];
			$durable{$k} = 1 if $s->{op} eq 'sync_dir' ? $t->{op} =~ /^(?:add|del)$/ && up($t->{path}) eq $s->{path} :
			    $t->{op} eq 'write' && $t->{object} eq $s->{object};
		}
	}
	return \%durable;
}

# The world after a power cut behind step $cut: names => object and size of each object; $keeps tells of a step that no fsync
# covers whether the disk has it all the same.
sub world {
	my ($step, $cut, $start, $durable, $keeps) = @_;
	my (%size, %done);
	my %is = map { $_ => $start->{$_} } grep { !/^new / } keys %$start;
	for my $i (0 .. $cut) {
		my $s = $step->[$i];
		next if $s->{op} =~ /^sync/ || !($durable->{$i} || $keeps->($i));
		if ($s->{op} eq 'add') {
			next if defined $start->{'new ' . up($s->{path})} && !defined $is{up($s->{path})};
			$is{$s->{path}} = $s->{object};
		} elsif ($s->{op} eq 'del') {
			next if defined $s->{after} && !$done{$s->{after}};
			delete $is{$s->{path}} if ($is{$s->{path}} // '') eq $s->{object};
		} else {
			$size{$s->{object}} = $s->{size};
		}
		$done{$i} = 1;
	}
	return (\%is, \%size);
}

# The messages that a world has lost. $of: message => its objects; $archive: object of an archive => { size, messages }.
sub gone_in {
	my ($is, $size, $of, $archive) = @_;
	my %there = map { $_ => 1 } values %$is;
	my %whole = map { $_ => 1 } map { %{ $archive->{$_}{messages} } } grep { ($size->{$_} // 0) == $archive->{$_}{size} }
	    map { $is->{$_} } grep { /\.tar\.zst\z/ && !m{/\.[^/]*\z} && defined $archive->{$is->{$_}} } keys %$is;
	return grep { my $id = $_; !$whole{$id} && grep { !$there{$_} } @{ $of->{$id} } } sort keys %$of;
}

# Cuts a log everywhere. Returns the number of worlds and what was lost, as lines.
sub cut_everywhere {
	my ($c, $log, $start, $of) = @_;
	my ($step, $size, $end) = steps($log, $start);
	my %new = map { ("new $_->{path}" => 1) } grep { $_->{op} eq 'add' && $_->{object} =~ /^dir/ } @$step;
	$start = { %$start, %new };
	($step, $size, $end) = steps($log, $start);
	my %archive;
	for my $path (grep { /\.tar\.zst\z/ } keys %$end) {
		my $in = read_archive($path) or die "$path is not whole";
		my %sha = map { $_ => 1 } values %$in;
		$archive{$end->{$path}} = { size => -s $path,
			messages => { map { $_ => 1 } grep { my $id = $_; !grep { !$sha{$_} } values %{ $c->{messages}{$id} } } keys %$of } };
	}
	my ($worlds, @bad) = 0;
	for my $cut (0 .. $#$step) {
		my $durable = durable($step, $cut);
		my @open = grep { !$durable->{$_} && $step->[$_]{op} !~ /^sync/ } 0 .. $cut;
		my @keeps = (sub { 0 }, sub { 1 }, sub { $step->[$_[0]]{op} ne 'write' },
		    map { my $forgotten = $_; sub { $_[0] != $forgotten } } @open);
		for (1 .. $random) {
			my %coin = map { $_ => int rand 2 } @open;
			push @keeps, sub { $coin{$_[0]} };
		}
		for my $keeps (@keeps) {
			my @lost = gone_in(world($step, $cut, $start, $durable, $keeps), $of, \%archive);
			$worlds++;
			push @bad, "behind step $cut ($step->[$cut]{op} " . ($step->[$cut]{path} // $step->[$cut]{object}) . "): @lost" if @lost;
		}
	}
	return ($worlds, @bad);
}

# What is wrong with the order of a restore: the files, the intent that says which names they get, and the private names must be on the disk
# before the first name is given, and the names before the intent goes. One line a fault.
sub disorder {
	my ($log, $spool) = @_;
	my (%dirty, %synced, @bad);
	my $given = 0;
	for my $c (@$log) {
		my ($name, $p, $q) = @$c{qw(name path path2)};
		my $is_ours = ($p // '') =~ m{/restore/(?:intent|\d+\.\d+)\z};
		if ($name eq 'sys_write' && $is_ours) {
			$dirty{$p} = 1;
		} elsif ($name eq 'sys_sync' && $is_ours) {
			delete $dirty{$p};
		} elsif ($name eq 'sys_create_at' && $is_ours) {
			$dirty{up($p)} = 1;
		} elsif ($name eq 'sys_sync_dir') {
			delete $dirty{$p};
		} elsif ($name eq 'sys_rename' && $is_ours) {
			push @bad, "$q is given while $_ is not on the disk" for sort keys %{ { map { $_ => 1 } grep { m{/restore(?:/|\z)} } keys %dirty } };
			$dirty{up($q)} = 1;
			$given++;
		} elsif ($name eq 'sys_unlink' && $p =~ m{/restore/intent\z}) {
			push @bad, "the intent goes while $_ is not on the disk" for grep { index($_, $spool) == 0 && !m{/restore(?:/|\z)} } sort keys %dirty;
		}
	}
	push @bad, 'no name was given' if !$given;
	return @bad;
}

my $all = 0;
for my $kind (qw(postfix exim smartermail)) {
	my $c = fault_case("$dir/$kind", $kind, 3, '--fast');
	my @purge = ('purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my @resume = ('purge', '--resume', '--archive', $c->{a});
	my ($p) = points(fresh($c), @purge);
	my @take = grep { $_->{name} eq 'sys_rename' && $_->{path2} =~ m{/\.spoolsweep} } @$p;
	my @mkdir = grep { $_->{name} eq 'sys_mkdir' } @$p;
	my ($publish) = grep { $_->{name} eq 'sys_rename' && $_->{path2} =~ /\.tar\.zst\z/ } @$p;
	my @delete = grep { $_->{name} eq 'sys_unlink' && $_->{path} =~ m{/\d+\.\d+$} } @$p;
	my @runs = (
		[purge => [undef, @purge]],
		[hold => [undef, 'hold', '--all', '--execute']],
		['hold, release' => [undef, 'hold', '--all', '--execute'], [undef, 'release', '--execute']],
		['killed before the folder was synced, once more' => [$mkdir[-1]{n} + 1 . ':kill', @purge],
		    [undef, 'purge', '--plan', 1, '--execute', '--yes', '--archive', $c->{a}]],
		map {
			my ($name, $n) = @$_;
			(["$name, resume" => ["$n:kill", @purge], [undef, @resume]],
			    ["$name, undo" => ["$n:kill", @purge], [undef, 'purge', '--undo', 1, '--execute']])
		} ['killed taking', $take[1]{n}],
		    ['killed before publishing', $publish->{n}], ['killed behind publishing', $publish->{n} + 1],
		    ['killed deleting', $delete[1]{n}]
	);
	for (@runs) {
		my ($name, @run) = @$_;
		fresh($c);
		my (%start, %of);
		my $i = 0;
		for my $id (sort keys %{ $c->{messages} }) {
			for my $rel (sort keys %{ $c->{messages}{$id} }) {
				$start{"$c->{s}/$rel"} = "message" . ++$i;
				push @{ $of{$id} }, "message$i";
			}
		}
		my @log;
		for (@run) {
			my ($fault, @args) = @$_;
			unlink "$c->{dir}/log";
			run($c, $fault, { SPOOLSWEEP_FAULT_LOG => "$c->{dir}/log" }, @args);
			push @log, map { chomp; my %p; @p{qw(n name can path path2 bytes)} = split /\t/, $_, -1; \%p }
			    split /^/, slurp("$c->{dir}/log");
			pop @log if defined $fault;	# the call that it died before
		}
		my ($worlds, @bad) = cut_everywhere($c, \@log, \%start, \%of);
		$all += $worlds;
		cmp_ok($worlds, '>', 50, "$kind: $name: $worlds worlds");
		is(scalar @bad, 0, "$kind: $name: no message is lost in any of them")
		    or diag join "\n", @bad > 10 ? @bad[0 .. 9] : @bad;
		next if $name ne 'purge';
		# The model must be able to find a loss: the same log without its fsyncs.
		for my $without (qw(sys_sync sys_sync_dir)) {
			my (undef, @found) = cut_everywhere($c, [grep { $_->{name} ne $without } @log], \%start, \%of);
			cmp_ok(scalar @found, '>', 0, "$kind: without $without the model finds losses");
		}
	}
}
for my $kind (qw(postfix exim smartermail)) {
	my $c = fault_case("$dir/$kind", $kind, 3, '--fast');
	run(fresh($c), undef, 'purge', '--all', '--execute', '--yes', '--archive', $c->{a});
	my ($archive) = glob "$c->{a}/*.tar.zst";
	my ($log, $r) = points($c, 'restore', $archive, '--execute', $kind eq 'exim' ? ('--to-queue', 'restored') : ());
	is($r->{status}, 0, "$kind: restore") or diag $r->{err};
	ok(scalar(grep { $_->{name} eq 'sys_unlink' && $_->{path} =~ m{/restore/intent\z} } @$log), "$kind: with an intent");
	is_deeply([disorder($log, $c->{s})], [], "$kind: nothing is given before it is on the disk");
	# Cut off when the first name is given, and once more: over both runs together the order holds.
	my ($given) = grep { $_->{name} eq 'sys_rename' && $_->{path} =~ m{/restore/\d+\.\d+\z} } @$log;
	for my $n ($given->{n}, $given->{n} + 1) {
		run(fresh($c), undef, 'purge', '--all', '--execute', '--yes', '--archive', $c->{a});
		my ($again) = glob "$c->{a}/*.tar.zst";
		my @restore = ('restore', $again, '--execute', $kind eq 'exim' ? ('--to-queue', 'restored') : ());
		unlink "$c->{dir}/log";
		run($c, "$n:kill", { SPOOLSWEEP_FAULT_LOG => "$c->{dir}/log" }, @restore);
		my $killed = slurp("$c->{dir}/log") =~ s/^.*\n\z//mr;	# without the call that it died before
		my ($more, $r2) = points($c, @restore);
		# A folder that was read just now is read again, so a call's number varies: whether a message was there is in the log.
		my $is_given = $killed =~ m{^\d+\tsys_rename\t[^\t]*\t[^\t]*/restore/\d+\.\d+\t}m;
		is($r2->{status}, $is_given && $r2->{status} == 3 ? 3 : 0, "$kind: restore, killed at $n, once more") or diag $r2->{err};
		my @both = ((map { chomp; my %p; @p{qw(n name can path path2 bytes)} = split /\t/, $_, -1; \%p } split /^/, $killed), @$more);
		is_deeply([disorder(\@both, $c->{s})], [], "$kind: nothing is given before it is on the disk, over both runs");
		is_deeply([lost($c)], [], "$kind: and nothing is lost");
	}
	for my $without (qw(sys_sync sys_sync_dir)) {
		cmp_ok(scalar(disorder([grep { $_->{name} ne $without } @$log], $c->{s})), '>', 0, "$kind: without $without that is seen");
	}
}
diag "$all worlds looked at";

done_testing;
