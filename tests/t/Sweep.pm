# What every scenario shares: the program, a private folder, JSON Lines.
package Sweep;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Copy qw(copy);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX qw(WNOHANG);

our @EXPORT = qw(sweep sweep_ok json_lines listing scan_of top_dir work_dir mkspool slurp spew read_truth is_windows local_paths
    start_program begin tend finish end_by);

my $top = abs_path(dirname(__FILE__) . '/../..');
my $program = $ENV{SPOOLSWEEP} || "$top/build/spoolsweep";
my $made = $ENV{MKSPOOL} || "$top/build/mkspool";

sub top_dir { return $top }

# Is the program a Windows one, run by Wine (Makefile.win says so)? The tests themselves run here in either case.
sub is_windows { return $ENV{SWEEP_WINDOWS} ? 1 : 0 }

# What such a program prints, with paths as we know them: Wine's drive Z: is our root. In JSON each \ is two.
sub local_paths {
	my ($text) = @_;
	return $text if !is_windows();
	$text =~ s{\bZ:((?:\\{1,2}|/)(?:[^\s"'<>|:*?\\,;)]|\\{1,2}(?=[\w.\[]))*)}{ my $path = $1; $path =~ s,\\+,/,g; $path }ge;
	return $text;
}

# A fresh folder that other users can reach too, removed at exit unless KEEP is set.
sub work_dir {
	my $dir = tempdir('spoolsweep-XXXXXX', TMPDIR => 1, CLEANUP => !$ENV{KEEP});
	chmod 0755, $dir;
	return abs_path($dir);
}

# The program where another user can run it: the build may be in a folder that only its owner can enter.
my $public;
sub public_program {
	die 'no other users on Windows: skip this' if is_windows();
	return $public if defined $public;
	$public = work_dir() . '/spoolsweep';
	copy($program, $public) or die "$public: $!";
	chmod 0755, $public;
	return $public;
}

sub slurp {
	my ($path) = @_;
	open my $f, '<:raw', $path or die "$path: $!";
	local $/;
	my $text = <$f>;
	close $f;
	return defined $text ? $text : '';
}

sub spew {
	my ($path, $text, $mode) = @_;
	make_path(dirname($path));
	open my $f, '>:raw', $path or die "$path: $!";
	print $f $text or die "$path: $!";
	close $f or die "$path: $!";
	chmod $mode, $path if defined $mode;
}

# Starts a command with its standard streams in files (in, out, err; dir: where to run; env: more of its environment); returns its pid, which is
# the program's own. It is ended after a quarter of an hour, or seconds: a hang is a failure, not a night.
sub start_program {
	my ($io, @command) = @_;
	my $pid = fork;
	die "fork: $!" unless defined $pid;
	return $pid if $pid;
	$ENV{$_} = $io->{env}{$_} for keys %{ $io->{env} || {} };
	chdir $io->{dir} or die "$io->{dir}: $!" if $io->{dir};
	open STDIN, '<', $io->{in} || '/dev/null' or die $!;
	open STDOUT, '>', $io->{out} || '/dev/null' or die $!;
	open STDERR, '>', $io->{err} || '/dev/null' or die $!;
	alarm($io->{seconds} || 900);
	exec @command or exit 127;
}

# The same for a program that may be one of Windows: begin() starts it; finish() waits for its end and returns what waitpid said; tend() is
# called again and again by who waits for what it does; end_by() sends it a signal and is finish().
# Wine under load starts about one program in some thousands and never gets to its main: exit 1, with nothing in its output files. Ours says
# why it exits with 1. Told, and repeated: nothing has run.
sub begin {
	my ($io, @command) = @_;
	return { io => $io, command => \@command, times => 1, pid => start_program($io, @command) };
}

sub again {
	my ($p, $status) = @_;
	return 0 if !is_windows() || $status != 1 << 8 || $p->{times} >= 3 || grep { defined && -s } @{ $p->{io} }{qw(out err)};
	print STDERR "# Wine did not start a program: again\n";
	$p->{times}++;
	$p->{pid} = start_program($p->{io}, @{ $p->{command} });
	return 1;
}

sub tend {
	my ($p) = @_;
	$p->{status} = $? if !defined $p->{status} && waitpid($p->{pid}, WNOHANG) > 0 && !again($p, $?);
}

sub finish {
	my ($p) = @_;
	while (!defined $p->{status}) {
		waitpid $p->{pid}, 0;
		$p->{status} = $? if !again($p, $?);
	}
	return $p->{status};
}

sub end_by {
	my ($p, $signal) = @_;
	tend($p);
	kill $signal, $p->{pid} if !defined $p->{status};
	return finish($p);
}

# Signals that the program gives itself: a crash, whatever the test was looking at (SIGILL ABRT BUS FPE SEGV).
my %crash = map { $_ => 1 } 4, 6, 7, 8, 11;

# Runs the program: sweep(\%opt, @args) or sweep(@args). Returns { out, err, status, signal }.
# opt: index => FILE, dir => where to run, in => text for stdin, wrap => [command before it], program => another build of it
sub sweep {
	my $opt = ref $_[0] eq 'HASH' ? shift : {};
	my @args = @_;
	my $tmp = tempdir('sweepXXXXXX', TMPDIR => 1, CLEANUP => 1);
	spew("$tmp/in", defined $opt->{in} ? $opt->{in} : '');
	my @wrap = $opt->{wrap} ? @{ $opt->{wrap} } : ();
	my @index = $opt->{index} ? ('--index', $opt->{index}) : ();
	my $run = $opt->{program} || (@wrap ? public_program() : $program);
	my %io = map { $_ => "$tmp/$_" } qw(in out err);
	my $status = finish(begin({ dir => $opt->{dir}, %io }, @wrap, $run, @index, @args));
	my %r = (status => $status >> 8, signal => $status & 127, map { $_ => local_paths(slurp("$tmp/$_")) } qw(out err));
	die "spoolsweep @args: died by signal $r{signal}\n$r{err}" if $r{signal} && $crash{ $r{signal} };
	remove_tree($tmp);
	return \%r;
}

# The same, dying loudly unless it exits with one of the wanted states.
sub sweep_ok {
	my $opt = ref $_[0] eq 'HASH' ? shift : {};
	my $want = $opt->{status} || [0];
	my $r = sweep($opt, @_);
	die "spoolsweep @_: exit $r->{status}, signal $r->{signal}\n$r->{err}"
	    if $r->{signal} || !grep { $_ == $r->{status} } @$want;
	return $r;
}

sub json_lines {
	my ($text) = @_;
	my $json = JSON::PP->new->utf8->allow_nonref;
	return map { $json->decode($_) } grep { length } split /\n/, $text;
}

# list --json with selectors, as a list of objects.
sub listing {
	my ($index, @selectors) = @_;
	return json_lines(sweep_ok({ index => $index, status => [0, 3] }, 'list', '--json', @selectors)->{out});
}

# scan --json of spools, as a list of objects.
sub scan_of {
	my ($index, @spools) = @_;
	return json_lines(sweep_ok({ index => $index, status => [0, 3] }, 'scan', '--json', @spools)->{out});
}

# Writes a made spool: mkspool(@args) in the order of mkspool's usage.
sub mkspool {
	my $tmp = tempdir('sweepXXXXXX', TMPDIR => 1, CLEANUP => 1);
	my ($status, $said) = (finish(begin({ err => "$tmp/err" }, $made, @_)), slurp("$tmp/err"));
	remove_tree($tmp);
	print STDERR $said;
	die "mkspool @_: status $status" if $status != 0;
}

sub read_truth { return json_lines(slurp($_[0])) }

1;
