# What the scenarios with faults share: small spools on a tmpfs, the program with a fault in it, and where the bytes of each
# message are.
package Fault;
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Find qw(find);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Handle;
use Sweep;

our @EXPORT = qw(fault_dir fault_program fault_case fresh run points tree messages lost journal read_archive archives is_under_asan
    in_workers sql);

my $plain = $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep';
my $program = dirname($plain) . '/spoolsweep-fault';

sub fault_program { return -x $program ? $program : undef }

# Sweeps run on a tmpfs: thousands of fsyncs are not what they test.
sub fault_dir {
	my $base = -d '/dev/shm' && -w _ ? '/dev/shm' : File::Spec->tmpdir;
	return tempdir('spoolsweep-XXXXXX', DIR => $base, CLEANUP => !$ENV{KEEP});
}

sub is_under_asan { return $plain =~ m{/asan/} }

sub sql {
	my ($db, $text) = @_;
	open my $p, '-|', 'sh', '-c', 'exec sqlite3 -bail -separator "|" "$0" "$1" 2>/dev/null', $db, $text or die "sqlite3: $!";
	my @rows = <$p>;
	close $p or die "sqlite3 $db: $text: $?";
	chomp @rows;
	return @rows;
}

# { dir, kind, s (the spool), a (archives), i (index), template }
sub fault_case {
	my ($dir, $kind, $n, @opt) = @_;
	my %c = (dir => $dir, kind => $kind, s => "$dir/s", a => "$dir/a", i => "$dir/i/index.db", template => "$dir/t");
	make_path($dir, { mode => 0700 });
	mkspool('--seed', 7, @opt, $kind, $c{template}, $n) if !-d $c{template};
	return \%c;
}

# The template once more, scanned.
sub fresh {
	my ($c) = @_;
	remove_tree("$c->{dir}/$_") for qw(s a i .spoolsweep-s);
	system('cp', '-a', $c->{template}, $c->{s}) == 0 or die 'cp';
	$c->{main} = undef;
	my $r = run($c, undef, 'scan', '-q', "$c->{kind}:$c->{s}");
	die "scan: $r->{status} $r->{err}" if $r->{status} != 0;
	$c->{messages} = messages($c);
	return $c;
}

# Runs the program with a fault (undef: none; "N:KIND"); more environment in %env.
sub run {
	my ($c, $fault, @args) = @_;
	my %env = ref $args[0] eq 'HASH' ? %{ shift @args } : ();
	my $pid = fork;
	die "fork: $!" if !defined $pid;
	if ($pid == 0) {
		$ENV{$_} = $env{$_} for keys %env;
		$ENV{SPOOLSWEEP_FAULT} = $fault if defined $fault;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$c->{dir}/out" or die $!;
		open STDERR, '>', "$c->{dir}/err" or die $!;
		exec $program, '--index', $c->{i}, @args or exit 127;
	}
	waitpid $pid, 0;
	return { status => $? >> 8, signal => $? & 127, out => slurp("$c->{dir}/out"), err => slurp("$c->{dir}/err") };
}

# The calls of a command, run to its end: [ { n, name, can, path, path2, bytes } … ]
sub points {
	my ($c, @args) = @_;
	unlink "$c->{dir}/log";
	my $r = run($c, undef, { SPOOLSWEEP_FAULT_LOG => "$c->{dir}/log" }, @args);
	my @p = map { chomp; my %p; @p{qw(n name can path path2 bytes)} = split /\t/, $_, -1; \%p }
	    split /^/, slurp("$c->{dir}/log");
	return (\@p, $r);
}

# path => "mode size sha256" below a folder; private folders are left out unless they are asked for.
sub tree {
	my ($root, $with_private) = @_;
	my %t;
	return \%t if !-d $root;
	find({ no_chdir => 1, preprocess => sub { grep { $with_private || !/^\.spoolsweep/ } @_ }, wanted => sub {
		my @st = lstat $_;
		my $rel = substr $_, length $root;
		$t{$rel} = sprintf '%04o %s', $st[2] & 07777, -d _ ? 'dir' : "$st[9] " . sha256_hex(slurp($_));
	} }, $root);
	return \%t;
}

# Which files make a message: { id => { path => sha256 } }, logs left out.
sub messages {
	my ($c, $root) = @_;
	my %m;
	$root ||= $c->{template};
	find({ no_chdir => 1, wanted => sub {
		return if !-f $_;
		my $rel = substr $_, length($root) + 1;
		my ($id) = $c->{kind} eq 'postfix' ? $rel =~ m{^(?:incoming|active|deferred|hold|maildrop|corrupt)/(?:./)*(\w+)\z} :
		    $c->{kind} eq 'exim' ? $rel =~ m{(?:^|/)input/(?:./)?([\w-]+)-[HD]\z} : $rel =~ m{([^/]+)\.(?:hdr|eml)\z}i;
		$m{$id}{$rel} = sha256_hex(slurp($_)) if defined $id;
	} }, $root);
	return \%m;
}

# An archive, read without anything of ours: { member below data/… => sha256 }; undef when it is not whole by its own manifests.
sub read_archive {
	my ($path) = @_;
	open my $p, '-|', 'zstd', '-dcq', $path or die "zstd: $!";
	binmode $p;
	my $tar = do { local $/; <$p> } // '';
	return undef if !close $p;
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
	return { map { my @st = stat; ((split m{/})[-1] => ($read{"@st[0,1,7,9,10] $_"} ||= read_archive($_))) }
	    glob "$c->{a}/*.tar.zst" };
}

# The messages of which not every file is there, in the spool or in the private folder, or all of them in one whole archive.
sub lost {
	my ($c) = @_;
	my %here;
	for my $root ($c->{s}, "$c->{dir}/.spoolsweep-s") {
		next if !-d $root;
		find({ no_chdir => 1, wanted => sub { $here{sha256_hex(slurp($_))} = 1 if -f $_ } }, $root);
	}
	my @lost;
	my $archives;
	for my $id (sort keys %{ $c->{messages} }) {
		my @want = values %{ $c->{messages}{$id} };
		next if @want == grep { $here{$_} } @want;
		$archives ||= [map { { map { $_ => 1 } values %$_ } } grep { defined } values %{ archives($c) }];
		next if grep { my $in = $_; @want == grep { $in->{$_} } @want } @$archives;
		push @lost, $id;
	}
	return @lost;
}

# { plan => state, items => { id => state } } of the newest plan; {} when there is no journal.
sub journal {
	my ($c) = @_;
	my $db = "$c->{dir}/i/journal.db";
	return {} if !-s $db;
	my @state = qw(planned taking taken archiving verified deleting done undoing undone);
	my @item = qw(planned taken archived verified deleted changed busy gone failed released);
	# A kill may have left a journal without a table.
	my @rows = eval { sql($db, "select 'plan', id, state, '' from plan where id = (select max(id) from plan)" .
	    " union all select 'item', qid, state, why from item where plan = (select max(id) from plan)") };
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

# Runs jobs (closures that return text lines of complaint) in two processes; job gets a folder of its own. Returns all lines.
sub in_workers {
	my ($dir, @jobs) = @_;
	my @pid;
	for my $w (0, 1) {
		my $pid = fork;
		die "fork: $!" if !defined $pid;
		if ($pid == 0) {
			open my $lines, '>', "$dir/lines$w" or die $!;
			$lines->autoflush;
			for my $i (grep { $_ % 2 == $w } 0 .. $#jobs) {
				print $lines map { "$_\n" } eval { $jobs[$i]->("$dir/w$w") };
				print $lines "died: $@\n" if $@;
			}
			require POSIX;
			POSIX::_exit(0);
		}
		push @pid, $pid;
	}
	waitpid $_, 0 for @pid;
	return map { split /\n/, slurp("$dir/lines$_") } 0, 1;
}

1;
