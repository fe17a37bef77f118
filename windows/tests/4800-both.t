#!/usr/bin/perl
# One SmarterMail spool, read here and under Wine: the same list, line for line but for the path. What one of the two purged, the other restores.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Find qw(find);
use lib dirname(__FILE__) . '/../../tests/t';
use Sweep;
use Test::More;

plan skip_all => 'not the Windows build' if !is_windows();
my %program = (wine => $ENV{SPOOLSWEEP}, here => top_dir() . '/build/spoolsweep');
plan skip_all => "no $program{here}" if !-x $program{here};
my $dir = work_dir();

# The output of a run that must succeed, with paths as we know them.
sub out {
	my ($which, @args) = @_;
	my $status = finish(begin({ out => "$dir/out", err => "$dir/err" }, $program{$which}, '--index', "$dir/$which/index.db", @args));
	is($status, 0, "$which: $args[0]") or diag(slurp("$dir/err"), substr slurp("$dir/out"), -600);
	return local_paths(slurp("$dir/out"));
}

# name => sha256 of the files below a folder: a restore puts all of them into the spool itself
sub tree {
	my ($root) = @_;
	my %t;
	find({ no_chdir => 1, wanted => sub { $t{(split m{/})[-1]} = sha256_hex(slurp($_)) if -f $_ } }, $root);
	return \%t;
}

mkspool('--seed', 11, 'smartermail', "$dir/sm", 300);
my $before = tree("$dir/sm");
cmp_ok(scalar keys %$before, '>=', 600, 'a spool of 300 messages');
my %list;
for my $which (qw(here wine)) {
	out($which, 'scan', '-q', '--timezone', 'Europe/Istanbul', "smartermail:$dir/sm");
	$list{$which} = out($which, 'list', '--json');
}
is(scalar(() = $list{here} =~ /\n/g), 300, '300 lines');
is($list{wine}, $list{here}, 'the same lines from both');
out($_, 'scan', '-q', '--full', "smartermail:$dir/sm") for qw(here wine);

for my $pair ([ here => 'wine' ], [ wine => 'here' ]) {
	my ($from, $to) = @$pair;
	out($from, 'purge', '--all', '--execute', '--yes', '--archive', "$dir/archive-$from");
	is(scalar(grep { /\.(?:hdr|eml)\z/i } keys %{ tree("$dir/sm") }), 0, "$from: all is purged");
	my ($archive) = glob "$dir/archive-$from/*.tar.zst";
	out($to, 'verify', $archive);
	out($to, 'restore', '--execute', '--yes', '--to', "smartermail:$dir/sm", $archive);
	is_deeply(tree("$dir/sm"), $before, "$to: every file is back as it was");
	out($_, 'scan', '-q', "smartermail:$dir/sm") for qw(here wine);
}
done_testing();
