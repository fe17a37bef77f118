# What the scenarios with faults share: small spools on a tmpfs, the program with a fault in it, and where the bytes of each
# message are. A sweep does all this a hundred thousand times: what is below avoids new processes and second looks.
package Fault;
use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IO::Handle;
use Memory qw(memory_dir);
use Sweep;

our @EXPORT = qw(fault_dir fault_program fault_case fresh run points tree messages lost journal look archives read_archive is_under_asan can_serve
    in_workers snapshot rewind);

my $plain = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
my $program = dirname($plain) . '/spoolsweep-fault';

sub fault_program { return -x $program ? $program : undef }

# Sweeps run on a tmpfs: thousands of fsyncs are not what they test.
sub fault_dir { return memory_dir(512) }

sub is_under_asan { return $plain =~ m{/asan/} }

# Windows has no fork: there each run is a process.
sub can_serve { return !Sweep::is_windows() }

# ---- helpers that stay: one of each a process ----

my %helper;	# name => { owner, pid, in, out }

sub helper {
	my ($name, @command) = @_;
	my $h = $helper{$name};
	return $h if $h && $h->{owner} == $$;
	pipe(my $in_r, my $in_w) && pipe(my $out_r, my $out_w) or die "pipe: $!";
	my $pid = fork;
	die "fork: $!" if !defined $pid;
	if ($pid == 0) {
		open STDIN, '<&', $in_r or die $!;
		open STDOUT, '>&', $out_w or die $!;
		close $_ for $in_r, $in_w, $out_r, $out_w;
		exec @command or exit 127;
	}
	binmode $_ for $in_w, $out_r;
	return $helper{$name} = { owner => $$, pid => $pid, in => $in_w, out => $out_r };
}

# They end when nobody can ask any more.
sub end_helpers {
	for (grep { $_->{owner} == $$ } values %helper) {
		close $_->{in};
		waitpid $_->{pid}, 0;
	}
	%helper = ();
}

END { local $?; end_helpers() }	# sqlite3 ends with 1 when a statement has failed, a table that is not there yet

# Rows of a statement; what fails in it gives none.
sub sql {
	my ($db, $text) = @_;
	my $h = helper('sqlite3', 'sh', '-c', 'exec sqlite3 -batch -init /dev/null -separator "|" 2>/dev/null');
	my ($all, $mark) = ('', "-- end\n");
	syswrite $h->{in}, ".open '$db'\n$text;\n.open :memory:\n.print '-- end'\n";
	while (substr($all, -length $mark) ne $mark) {
		sysread($h->{out}, $all, 65536, length $all) or die 'sqlite3 ended';
	}
	return split /\n/, substr $all, 0, -length $mark;
}

sub run_process {
	my ($out, $err, $env, @args) = @_;
	my %io = (out => $out, err => $err, env => $env);
	if ($args[0] eq '--unzstd') {	# one of ours, which says nothing here
		waitpid start_program(\%io, 'zstd', '-dcq', $args[1]), 0;
		return $?;
	}
	my $status = finish(begin(\%io, $program, @args));
	# A Windows program that is killed by fault_die ends with what a shell says of kill -9.
	return Sweep::is_windows() && $status == 137 << 8 ? 9 : $status;
}

# Runs the program, in a fork of one that waits for it: environment, arguments. What waitpid said.
sub run_program {
	my ($out, $err, $env, @args) = @_;
	return run_process(@_) if !can_serve();
	my $h = do {
		local $ENV{SPOOLSWEEP_FAULT_SERVE} = 1;
		helper('program', $program);
	};
	my $words = join '', map { "$_\0" } $out, $err, (map { "$_=$env->{$_}" } sort keys %$env), '', @args;
	syswrite $h->{in}, pack('V', length $words) . $words;
	my $status = '';
	while (length $status < 4) {
		sysread($h->{out}, $status, 4 - length $status, length $status) or die 'the program that serves ended';
	}
	return unpack 'V', $status;
}

# ---- a spool ----

# { dir, kind, s (the spool), a (archives), i (index), template }
sub fault_case {
	my ($dir, $kind, $n, @opt) = @_;
	make_path($dir, { mode => 0700 });
	$dir = abs_path($dir);
	my %c = (dir => $dir, kind => $kind, s => "$dir/s", a => "$dir/a", i => "$dir/i/index.db", template => "$dir/t");
	mkspool('--seed', 7, @opt, $kind, $c{template}, $n) if !-d $c{template};
	return \%c;
}

# Every path below a folder, the folder first: [ path below it, stat ] …
sub walk {
	my ($root, $rel, $out) = @_;
	my @st = lstat "$root$rel" or return;
	push @$out, [$rel, @st];
	return if !-d _;
	opendir my $d, "$root$rel" or return;
	walk($root, "$rel/$_", $out) for sort grep { $_ ne '.' && $_ ne '..' } readdir $d;
}

sub wipe {
	my ($root) = @_;
	walk($root, '', \my @all);
	for (reverse @all) {
		my $path = "$root$_->[0]";
		(($_->[3] & 0170000) == 0040000 ? rmdir $path : unlink $path) or die "$path: $!";
	}
}

# A folder in memory: [ path below it, mode, uid, gid, mtime, bytes (undef: a folder) ] …
sub keep {
	my ($root) = @_;
	walk($root, '', \my @all);
	return [map { my ($rel, @st) = @$_;
	    die "$root$rel is no file" if ($st[2] & 0170000) != 0040000 && ($st[2] & 0170000) != 0100000;
	    [$rel, $st[2] & 07777, @st[4, 5, 9], ($st[2] & 0170000) == 0040000 ? undef : slurp("$root$rel")] } @all];
}

sub put {
	my ($kept, $root) = @_;
	my $was = umask 0;
	for (@$kept) {
		my ($rel, $mode, $uid, $gid, undef, $bytes) = @$_;
		if (defined $bytes) {
			sysopen my $f, "$root$rel", 0101 | 0200, $mode or die "$root$rel: $!";	# O_WRONLY | O_CREAT | O_EXCL
			syswrite $f, $bytes;
			close $f;
		} else {
			mkdir "$root$rel", $mode or die "$root$rel: $!";
		}
		chown $uid, $gid, "$root$rel" if $uid != $> || $gid != (split ' ', $))[0];
		chmod $mode, "$root$rel" if $mode & 07000;
	}
	umask $was;
	utime $_->[4], $_->[4], "$root$_->[0]" for reverse @$kept;
}

# The template once more, scanned.
sub fresh {
	my ($c) = @_;
	wipe("$c->{dir}/$_") for qw(s a i .spoolsweep-s vault);
	delete $c->{vault};
	$c->{kept} ||= keep($c->{template});
	put($c->{kept}, $c->{s});
	my $r = run($c, undef, 'scan', '-q', "$c->{kind}:$c->{s}");
	die "scan: $r->{status} $r->{err}" if $r->{status} != 0;
	$c->{messages} ||= messages($c, tree($c->{template}));
	return $c;
}

# What a case is now, for rewind(). From here on its files are never removed but put aside, for an inode is part of a message's identity.
sub snapshot {
	my ($c) = @_;
	my %snap = (i => keep("$c->{dir}/i"), a => -d $c->{a} ? keep($c->{a}) : undef);
	for my $top ('s', '.spoolsweep-s') {
		walk("$c->{dir}/$top", '', \my @all);
		for (@all) {
			my ($rel, @st) = @$_;
			my $is_dir = ($st[2] & 0170000) == 0040000;
			my $of = { path => "$top$rel", mode => $st[2] & 07777, mtime => $st[9] };
			$is_dir ? push @{ $snap{dirs} }, $of : ($snap{file}{$st[1]} = $of);
			$of->{bytes} = slurp("$c->{dir}/$of->{path}") if $rel =~ m{/(?:lock|plan)\z};	# each run writes them
		}
	}
	$snap{look} = look($c);
	$c->{vault} = "$c->{dir}/vault";
	mkdir $c->{vault};
	return \%snap;
}

# Back to it: the same inodes, names, modes and times; databases and archives by their bytes.
sub rewind {
	my ($c, $snap) = @_;
	my ($dir, %dir) = ($c->{dir}, map { $_->{path} => 1 } @{ $snap->{dirs} });
	for my $top ('s', '.spoolsweep-s', 'vault') {
		walk("$dir/$top", '', \my @all);
		for (reverse @all) {
			my ($rel, @st) = @$_;
			my $path = "$top$rel";
			if (($st[2] & 0170000) == 0040000) {
				$dir{$path} || $path eq 'vault' || rmdir "$dir/$path" or die "$path: $!";
			} elsif (!$snap->{file}{$st[1]}) {
				unlink "$dir/$path" or die "$path: $!";
			} else {
				rename "$dir/$path", "$dir/vault/keep$st[1]" or die "$path: $!";
			}
		}
	}
	-d "$dir/$_->{path}" || mkdir "$dir/$_->{path}", $_->{mode} or die "$_->{path}: $!" for @{ $snap->{dirs} };
	for my $ino (keys %{ $snap->{file} }) {
		my ($of, $path) = ($snap->{file}{$ino}, "$dir/$snap->{file}{$ino}{path}");
		rename "$dir/vault/keep$ino", $path or die "$of->{path}: $!";
		spew($path, $of->{bytes}) if defined $of->{bytes};
		chmod $of->{mode}, $path;
		utime $of->{mtime}, $of->{mtime}, $path;
	}
	for (reverse @{ $snap->{dirs} }) {
		chmod $_->{mode}, "$dir/$_->{path}";
		utime $_->{mtime}, $_->{mtime}, "$dir/$_->{path}";
	}
	wipe("$dir/$_") for qw(i a);
	$snap->{$_} && put($snap->{$_}, "$dir/$_") for qw(i a);
	my $now = look($c);
	for my $part (qw(spool private)) {
		my ($is, $was) = map { my $l = $_->{$part}; join "\n", map { "$_ $l->{$_}" } sort keys %$l } $now, $snap->{look};
		die "rewound to $is, not to $was" if $is ne $was;
	}
	return $now;
}

# Runs the program with a fault (undef: none; "N:KIND"); more environment in %env.
sub run {
	my ($c, $fault, @args) = @_;
	my %env = ref $args[0] eq 'HASH' ? %{ shift @args } : ();
	$env{SPOOLSWEEP_FAULT} = $fault if defined $fault;
	$env{SPOOLSWEEP_FAULT_VAULT} = $c->{vault} if $c->{vault};
	my $status = run_program("$c->{dir}/out", "$c->{dir}/err", \%env, '--index', $c->{i}, @args);
	return { status => $status >> 8, signal => $status & 127, map { $_ => local_paths(slurp("$c->{dir}/$_")) } qw(out err) };
}

# The calls of a command, run to its end: [ { n, name, can, path, path2, bytes } … ]
sub points {
	my ($c, @args) = @_;
	unlink "$c->{dir}/log";
	my $r = run($c, undef, { SPOOLSWEEP_FAULT_LOG => "$c->{dir}/log" }, @args);
	my @p = map { chomp; my %p; @p{qw(n name can path path2 bytes)} = split /\t/, $_, -1; \%p }
	    split /^/, local_paths(slurp("$c->{dir}/log"));
	return (\@p, $r);
}

# ---- what is there ----

# path => "mode mtime sha256" below a folder, "mode dir" for folders
sub tree {
	my ($root) = @_;
	walk($root, '', \my @all);
	return { map { my ($rel, @st) = @$_;
	    ($rel => sprintf '%04o %s', $st[2] & 07777, ($st[2] & 0170000) == 0040000 ? 'dir' : "$st[9] " . sha256_hex(slurp("$root$rel"))) } @all };
}

# One look at a case: { spool => tree without private folders, private => the tree of those, here => { sha256 of all files } }
sub look {
	my ($c) = @_;
	my (%spool, %private, %here);
	my $all = tree($c->{s});
	my $beside = tree("$c->{dir}/.spoolsweep-s");
	$all->{"/.spoolsweep-s$_"} = $beside->{$_} for keys %$beside;
	for my $path (keys %$all) {
		my $of = $all->{$path};
		($path =~ m{/\.spoolsweep} ? \%private : \%spool)->{$path} = $of;
		$here{substr $of, -64} = 1 if $of !~ / dir\z/;
	}
	return { spool => \%spool, private => \%private, here => \%here };
}

# Which files of a tree make a message: { id => { path => sha256 } }, logs left out.
sub messages {
	my ($c, $tree) = @_;
	my %m;
	for (keys %$tree) {
		next if $tree->{$_} =~ / dir\z/;
		my $rel = substr $_, 1;
		my ($id) = $c->{kind} eq 'postfix' ? $rel =~ m{^(?:incoming|active|deferred|hold|maildrop|corrupt)/(?:./)*(\w+)\z} :
		    $c->{kind} eq 'exim' ? $rel =~ m{(?:^|/)input/(?:./)?([\w-]+)-[HD]\z} : $rel =~ m{([^/]+)\.(?:hdr|eml)\z}i;
		$m{$id}{$rel} = substr $tree->{$_}, -64 if defined $id;
	}
	return \%m;
}

# An archive, read without anything of ours: { member below data/… => sha256 }; undef when it is not whole by its own manifests.
sub read_archive {
	my ($path) = @_;
	my $file = dirname(dirname($path)) . '/unpacked';
	return undef if run_program($file, '/dev/null', {}, '--unzstd', $path) != 0;
	my $tar = slurp($file);
	unlink $file;
	my ($at, $long, %file) = 0;
	while ($at + 512 <= length $tar && substr($tar, $at, 1) ne "\0") {
		my ($name, $size, $type, $prefix) = unpack 'Z100 x24 Z12 x20 a1 x188 Z155', substr $tar, $at, 512;
		my $text = substr $tar, $at + 512, oct $size;
		return undef if length $text != oct $size;
		$at += 512 + 512 * int((511 + oct $size) / 512);
		if ($type eq 'x') {
			($long) = $text =~ /^\d+ path=(.*)$/m;
			next;
		}
		$name = length $prefix ? "$prefix/$name" : $name;
		$name = $long if defined $long;
		$file{$name =~ s{^[^/]+/}{}r} = sha256_hex($text);
		$file{text}{$1} = $text if $name =~ m{^[^/]+/((?:tag)?manifest-sha256\.txt)\z};
		$long = undef;
	}
	my $text = delete $file{text} || {};
	return undef if !defined $text->{'tagmanifest-sha256.txt'};
	my %said = map { /^(\w{64}) [ *](.+)$/ ? ($2 => $1) : () } map { split /\n/ } values %$text;
	my @payload = grep { m{^data/} } keys %file;
	return undef if grep { ($said{$_} // '') ne ($file{$_} // '') } keys %said, @payload;
	return { map { s{^data/}{}r => $file{$_} } @payload };
}

# The published archives of a case: { name => { member => sha256 } or undef }
my %read;	# by file identity: a sweep looks at the same archive again and again
sub archives {
	my ($c) = @_;
	%read = () if keys %read > 100;
	return { map { my @st = stat; ((split m{/})[-1] => ($read{"@st[0,1,7,9,10] $_"} ||= read_archive($_))) }
	    glob "$c->{a}/*.tar.zst" };
}

# The messages of which not every file is there, in the spool or in the private folder, or all of them in one whole archive.
sub lost {
	my ($c, $seen) = @_;
	$seen ||= look($c);
	my @lost;
	my $archives;
	for my $id (sort keys %{ $c->{messages} }) {
		my @want = values %{ $c->{messages}{$id} };
		next if @want == grep { $seen->{here}{$_} } @want;
		$archives ||= [map { { map { $_ => 1 } values %$_ } } grep { defined } values %{ archives($c) }];
		next if grep { my $in = $_; @want == grep { $in->{$_} } @want } @$archives;
		push @lost, $id;
	}
	return @lost;
}

# { plan => state, items => { id => state } } of the newest plan; {} when there is no journal. A copy is looked at: SQLite would mend the
# journal of a killed run, which is the next run's task.
sub journal {
	my ($c) = @_;
	my $db = "$c->{dir}/i/journal.db";
	return {} if !-s $db;
	my $copy = "$c->{dir}/copy.db";
	unlink "$copy-wal", "$copy-shm", "$copy-journal";
	for (grep { -e "$db$_" } '', '-wal', '-journal') {
		open my $f, '>:raw', "$copy$_" or die $!;
		print $f slurp("$db$_");
	}
	my @state = qw(planned taking taken archiving verified deleting done undoing undone);
	my @item = qw(planned taken archived verified deleted changed busy gone failed released);
	# A kill may have left a journal without a table.
	my @rows = sql($copy, "select 'plan', id, state, '' from plan where id = (select max(id) from plan)" .
	    " union all select 'item', qid, state, why from item join fate using (plan, n) where plan = (select max(id) from plan)");
	my %j;
	for (@rows) {
		my ($what, $id, $state, $why) = split /\|/, $_, 4;
		if ($what eq 'plan') {
			@j{qw(id plan)} = ($id, $state[$state]);
		} else {
			$j{items}{$id} = $item[$state];
			$j{why}{$id} = $why;
		}
	}
	return \%j;
}

# Runs jobs (closures that return text lines of complaint) in two processes, or SWEEP_JOBS; a job gets a folder of its process. Complaints are
# told at once. Returns all lines.
sub in_workers {
	my ($dir, @jobs) = @_;
	my $workers = $ENV{SWEEP_JOBS} || 2;
	my (@pid, @bad);
	for my $w (0 .. $workers - 1) {
		my $pid = fork;
		die "fork: $!" if !defined $pid;
		if ($pid == 0) {
			open my $lines, '>', "$dir/lines$w" or die $!;
			$lines->autoflush;
			for my $i (grep { $_ % $workers == $w } 0 .. $#jobs) {
				my @found = eval { $jobs[$i]->("$dir/w$w") };
				push @found, "died: $@" if $@;
				print $lines map { s/\n(?=.)/ | /gr =~ s/\n*\z/\n/r } @found;
				print STDERR map { "# $_\n" } @found;
			}
			end_helpers();
			require POSIX;
			POSIX::_exit(0);
		}
		push @pid, $pid;
	}
	for (0 .. $workers - 1) {
		waitpid $pid[$_], 0;
		if ($? != 0) {	# killed, say: it could not tell what it met
			push @bad, "a worker ended with $?";
			print STDERR "# $bad[-1]\n";
		}
		push @bad, split /\n/, slurp("$dir/lines$_");
	}
	return @bad;
}

1;
