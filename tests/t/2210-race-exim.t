#!/usr/bin/perl
# Live race: a real Exim takes mail, four impatient queue runners deliver it to a slow far end, and again and again the program
# purges one of its accounts. Exim's lock on -D is respected, so nothing is taken in the middle of its delivery.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../mta";
use Test::More;
use Mta;
use Sweep;
use Race;

Mta::plan_or_skip('exim');
my $r = race_under_load('exim', 'exim', 600);
my $control = race_under_load('exim', 'exim-own', 240, 'own');

if ($r && $control) {
	check_runs('exim', $r);
	check_fates('exim', $r, qr/(?!)/);
	check_traces('exim', $r);
	ok(!-s "$r->{dir}/log/paniclog", 'exim: nothing in the panic log') or diag(slurp("$r->{dir}/log/paniclog"));
	# What is no arrival, delivery, deferral, end of a message or start of the daemon. Two runners meet at a message all the time, without us too.
	check_log('exim', "$r->{dir}/log/mainlog", "$control->{dir}/log/mainlog",
	    qr/^\S+ \S+ (?!\S+ (?:<=|=>|->|==|Completed|\*\*) |\S+ Completed|(?:Start|End) queue run|exim \S+ daemon started)/,
	    qr/^(?:ID )?Spool file for ID is locked \(another process is handling this message\)$/);
}
done_testing();
