#!/usr/bin/perl
# Live race: a real Postfix takes mail and delivers it to a slow far end with a dozen agents, and again and again the program
# purges one of its accounts. No recipient is lost, none gets mail twice, no other account is touched, and the
# log has no line that postsuper -d of the same messages would not cause too.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../mta";
use Test::More;
use Mta;
use Sweep;
use Race;

Mta::plan_or_skip('postfix');
my $r = race_under_load('postfix', 'postfix', 1200);
my $control = race_under_load('postfix', 'postfix-own', 300, 'own');

if ($r && $control) {
	check_runs('postfix', $r);
	# The agents hold no lock that anybody would respect: what they have open is taken under their hands.
	check_fates('postfix', $r, qr{^active/});
	check_traces('postfix', $r);
	my @active = grep { $_->{path} =~ m{^active/} } @{ $r->{archive} };
	cmp_ok(scalar @active, '>=', 1, 'postfix: some were taken from active');
	my $log = slurp("$r->{dir}/log/postfix");
	my @throttled = $log =~ /^(.*(?:fatal:|panic:|premature end-of-input|malformed response|transport \S+ failure|
	    unknown mail transport error|mail transport unavailable|delivery temporarily suspended|bounced).*)$/mgx;
	is("@throttled[0 .. ($#throttled > 5 ? 5 : $#throttled)]", '', 'postfix: no fatal, no panic, no throttled transport, nothing bounced');
	# An agent is told of a message that has gone, and qmgr would like to remove one: both go on (deliver_request.c, qmgr_active.c).
	# Their number hangs on the moment, so that a control can have none.
	check_log('postfix', "$r->{dir}/log/postfix", "$control->{dir}/log/postfix", qr/warning|error|fatal|panic/, qr/^postfix\/
	    (?:smtp\[N\]:\ warning:\ open\ active\ ID|qmgr\[N\]:\ warning:\ qmgr_active_done_N_generic:\ remove\ ID\ from\ active|
	    qmgr\[N\]:\ warning:\ qmgr_active_\w+:\ rename\ ID\ from\ active\ to\ deferred):\ No\ such\ file\ or\ directory$/x);
}
done_testing();
