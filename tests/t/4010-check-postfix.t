#!/usr/bin/perl
# A real Postfix under a burst of one account: the health check turns from OK to CRITICAL, and back after a purge.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../mta";
use Test::More;
use Mta;
use Sweep;

Mta::plan_or_skip('postfix');
my $dir = Mta::fresh_dir('check-postfix');
mkdir "$dir/$_", 0700 or die "$dir/$_: $!" for qw(i archives bin);
# A copy: a build may go on while the test runs.
system('cp', $ENV{SPOOLSWEEP} || top_dir() . '/build/spoolsweep', "$dir/bin/spoolsweep") == 0 or die 'cp';
ok(Mta::run_inside('postfix', $dir, 'check', "$dir/bin/spoolsweep"), 'ran') or diag(Mta::output('tail', '-n', 20, "$dir/log/run"));

my @runs = Mta::read_lines("$dir/runs.jsonl");
my $account = quotemeta $Mta::hacked[0];
sub runs { my ($when) = @_; return grep { $_->{when} eq $when } @runs }
sub said { my ($when) = @_; my ($r) = runs($when); return $r ? "$r->{status} $r->{out}$r->{err}" : 'not run' }

like(said('quiet'), qr/\A0 SPOOL OK - 5 messages queued, .*anna\@kunde\.example queued 5/, 'a handful of greylisted mail is OK');
like(said('quiet'), qr/^\[OK\] mta: postfix: postfix runs/m, 'the server is seen to run');
like(said('after the burst'), qr/\A2 SPOOL CRITICAL - $account queued 1,100 in \d+ (?:s|min)/, 'the burst is CRITICAL, with the account and how fast');
like(said('after the burst'), qr/ 'postfix_messages'=1105;500;2000;0 /, 'and its number');
like(said('after the burst'), qr/^\[OK\] clients: postfix: $account sent from 1[0-2] addresses.*\n(?:.*\n)*account: postfix: auth:$account has 1,100 messages/m,
    'the long output tells more of it');
is(said('the purge') =~ /\A(\d)/ ? $1 : undef, 0, 'the purge of it was done');
like(said('after the purge'), qr/\A0 SPOOL OK - 5 messages queued/, 'after it all is OK again');
like(said('stopped'), qr/\A2 SPOOL CRITICAL - postfix does not run/, 'a server that does not run is CRITICAL');

my @during = (runs('burst'), runs('purge'));
cmp_ok(scalar runs('burst'), '>=', 1, scalar(runs('burst')) . ' checks while the burst came in');
cmp_ok(scalar runs('purge'), '>=', 1, scalar(runs('purge')) . ' checks while the purge went on');
is(scalar(grep { $_->{status} !~ /^[0-3]$/ || $_->{out} !~ /\ASPOOL (?:OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+\|[^|\n]+\n/ } @during), 0,
    'each of them answered as a plugin');
is(scalar(grep { $_->{status} == 3 } @during), 0, 'and none was UNKNOWN');
my @went = map { $_->{status} } runs('burst');
is("@went", join(' ', sort { ($a == 0 ? 0 : $a == 1 ? 1 : 2) <=> ($b == 0 ? 0 : $b == 1 ? 1 : 2) } @went), 'the burst only made it worse');
my ($purge) = runs('the purge');
my @within = grep { $_->{begin} > $purge->{begin} && $_->{end} < $purge->{end} } runs('purge');
diag scalar(@within) . ' checks ran while the purge did, ' . scalar(grep { $_->{out} =~ /is in progress \(process \d+\)/ } @within) . ' said so';
my $alerts = slurp("$dir/alerts");
like($alerts, qr/\A(?:WARNING\n)?CRITICAL\n(?:WARNING\n)?OK\nCRITICAL\n\z/, 'the alert command ran once for each change of state');
my $promtool = "$Mta::top/build/mta/promtool/bin/promtool";
SKIP: {
	skip 'no promtool: make deps unpacks it', 1 if !-x $promtool;
	is(scalar(`'$promtool' check metrics <'$dir/metrics.prom' 2>&1`), '', 'promtool accepts the metrics');
}
like(slurp("$dir/metrics.prom"), qr/^spoolsweep_mta_running\{[^}]*\} 0$/m, 'which say that the server is stopped');
done_testing();
