# Live look-ups of blocklists: against Debian's rbldnsd on loopback, and against servers that are silent, refuse, fail or lie.
use strict;
use warnings;
use File::Basename qw(dirname);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use lib dirname(__FILE__);
use Sweep;
use Test::More;
use Time::HiRes qw(sleep time);

my $dir = work_dir();
my @keys = qw(address list operator zone state codes meaning text why url);
my $tree = top_dir() . '/build/mta/rbldnsd';
my $rbldnsd = "$tree/usr/sbin/rbldnsd";
plan skip_all => 'make deps unpacks rbldnsd' unless -x $rbldnsd;
my @pids;
END { my $status = $?; if (@pids) { kill 'TERM', @pids; waitpid $_, 0 for @pids } $? = $status }

my $answered = 60;	# an answer comes, however slow the machine is

sub ask {
	my ($port, @args) = @_;
	return sweep('dnsbl', '--json', '--timeout', $answered, '--resolver', "127.0.0.1:$port", @args);
}

# ---- a DNS server of our own for what rbldnsd cannot do: SERVFAIL, nonsense, answers for other questions
sub fake_server {
	my ($how) = @_;
	my $s = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => 0) or die "socket: $!";
	my $port = $s->sockport;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		alarm 600;
		while (defined(my $from = $s->recv(my $q, 4096))) {
			next if $how eq 'silent' || length $q < 12;
			my ($id) = unpack 'n', $q;
			my $question = substr $q, 12;
			my $a = "\xc0\x0c" . pack('nnNn', 1, 1, 60, 4) . "\x7f\0\0\2";
			my %answer = (
				servfail => pack('n6', $id, 0x8182, 1, 0, 0, 0) . $question,
				garbage => join('', map { chr(int(rand 256)) } 1 .. 40),
				other_id => pack('n6', $id ^ 1, 0x8180, 1, 1, 0, 0) . $question . $a,
				other_name => pack('n6', $id, 0x8180, 1, 1, 0, 0) . "\1x\2yz\0\0\1\0\1" . $a,
				cut => pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question . substr($a, 0, 9),
				loop => pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question . "\xc0" . chr(length $q) . pack('nnNn', 5, 1, 60, 2) . "\xc0" . chr(length $q),
				empty => pack('n6', $id, 0x8180, 1, 0, 0, 0) . $question,
				# "no such name", or an answer of the wrong name or length, and yet an answer: nonsense, not "not listed"
				no_and_yes => pack('n6', $id, 0x8183, 1, 1, 0, 0) . $question . $a,
				foreign => pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question . "\1x\2yz\0" . pack('nnNn', 1, 1, 60, 4) . "\x7f\0\0\2",
				long => pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question . "\xc0\x0c" . pack('nnNn', 1, 1, 60, 8) . "\x7f\0\0\2" x 2,
				# a name that is another one, which has an address in the same answer, or has none
				alias => pack('n6', $id, 0x8180, 1, 2, 0, 0) . $question . "\xc0\x0c" . pack('nnNn', 5, 1, 60, 5) . "\1b\1c\0" . "\1b\1c\0" . pack('nnNn', 1, 1, 60, 4) . "\x7f\0\0\2",
				alias_alone => pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question . "\xc0\x0c" . pack('nnNn', 5, 1, 60, 5) . "\1b\1c\0",
				nodata => pack('n6', $id, 0x8180, 1, 0, 0, 0) . $question,
				# as many addresses as a datagram holds, and what they mean in the last
				many => pack('n6', $id, 0x8180, 1, 25, 0, 0) . $question . $a x 24 . "\xc0\x0c" . pack('nnNn', 1, 1, 60, 4) . "\x7f\xff\xff\xfe",
				# cut: the rest is to be had by TCP
				truncated => pack('n6', $id, 0x8380, 1, 0, 0, 0) . $question,
			);
			# The test entries are as they should be; what follows is not.
			my $reply = $question =~ /^\x012\x010\x010\x03127/ ? pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question . $a :
			    $question =~ /^\x011\x010\x010\x03127/ ? pack('n6', $id, 0x8183, 1, 0, 0, 0) . $question : $answer{$how};
			$s->send($how =~ /^(?:no_and_yes|foreign|long|alias|alias_alone|nodata|many|truncated)\z/ ? $reply : $answer{$how}, 0, $from);
		}
		exit 0;
	}
	push @pids, $pid;
	return $port;
}

# ---- rbldnsd with a list of every kind
my %file = (
	bl => ":127.0.0.2:Listed, see https://bl.example/?\$\n127.0.0.2\n192.0.2.25\n:127.0.0.4:second \x1b[31mreason\n192.0.2.25\n:127.0.0.10:range\n198.51.100.0/24\n!198.51.100.7\n",
	bl6 => ":2:six\n::ffff:7f00:2\n2001:db8:1::/64\n",
	dbl => ":127.0.1.2:domain\ntest\n.spam.example\n",
	world => ":127.0.0.2:all\n0.0.0.0/1\n128.0.0.0/1\n",
	err => ":127.255.255.254:Error: open resolver\n0.0.0.0/1\n128.0.0.0/1\n",
	late => ":127.0.0.2:x\n127.0.0.2\n:127.255.255.255:too many\n192.0.2.25\n:127.0.0.1:refused\n192.0.2.26\n",
	outside => ":127.0.0.2:x\n127.0.0.2\n:10.1.2.3:hijack\n192.0.2.25\n",
	dead => ":127.0.0.2:nothing\n203.0.113.1\n",
	karma => ":127.0.0.2:black\n127.0.0.2\n192.0.2.25\n:127.0.0.3:yellow\n192.0.2.26\n:127.0.0.1:white\n192.0.2.27\n",
	pbl => ":127.0.0.2:x\n127.0.0.2\n:127.0.0.10:dynamic\n192.0.2.25\n",
	uri => ":127.0.0.14:test\ntest.uribl.com\n:127.0.0.6:two lists\n.shop.example\n",
);
for my $name (keys %file) {
	spew("$dir/$name", "\$SOA 60 ns.test. host.test. 0 600 300 86400 60\n\$NS 60 ns.test.\n\$TTL 60\n$file{$name}", 0644);
}
# A port that is free may be taken before rbldnsd has it: it ends then, and another one is tried.
my $port;
sub start_rbldnsd {
	my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => 0) or die "socket: $!";
	$port = $socket->sockport;
	close $socket;
	local $ENV{LD_LIBRARY_PATH} = join ':', grep { length } "$tree/usr/lib/x86_64-linux-gnu", "$tree/lib/x86_64-linux-gnu", $ENV{LD_LIBRARY_PATH} // '';
	push @pids, start_program({ out => "$dir/log", err => "$dir/log2" }, $rbldnsd, '-n', '-f', '-q', ($> == 0 ? ('-u', 'nobody') : ()), '-b', "127.0.0.1/$port",
	    '-w', $dir, 'bl.test:ip4set:bl', 'bl6.test:ip6trie:bl6', 'dbl.test:dnset:dbl', 'world.test:ip4set:world', 'err.test:ip4set:err',
	    'late.test:ip4set:late', 'outside.test:ip4set:outside', 'dead.test:ip4set:dead', 'hostkarma.junkemailfilter.com:ip4set:karma',
	    'zen.spamhaus.org:ip4set:pbl', 'multi.uribl.com:dnset:uri');
}
start_rbldnsd();
for (1 .. 200) {
	last if ask($port, '--timeout', 1, '--list', 'bl.test', '192.0.2.1')->{status} == 0;
	sleep 0.1;
	next if waitpid($pids[-1], WNOHANG) == 0;
	pop @pids;
	my $said = slurp("$dir/log2") . slurp("$dir/log");
	$said =~ /in use/ ? start_rbldnsd() : die "rbldnsd ended: $said";
}

# ---- listed, not listed
{
	my $r = ask($port, '--list', 'bl.test', '192.0.2.25', '192.0.2.26', '198.51.100.9', '198.51.100.7');
	is($r->{status}, 1, 'one that is listed: exit 1');
	my @o = json_lines($r->{out});
	is_deeply([ $r->{out} =~ /\A\{(?:"(\w+)"[^\n]*?[,}](?=")?)/ ? [ map { (/^"(\w+)"/)[0] } split /,(?=")/, substr((split /\n/, $r->{out})[0], 1) ] : [] ]->[0], \@keys, 'the keys in their order');
	is(join(' ', map { "$_->{address}=$_->{state}" } @o), '192.0.2.25=listed 192.0.2.26=clean 198.51.100.9=listed 198.51.100.7=clean', 'each its answer');
	is_deeply([ sort split /, /, $o[0]{codes} ], [ '127.0.0.2', '127.0.0.4' ], 'every code of an answer');
	like($o[0]{text}, qr{Listed, see https://bl\.example/\?192\.0\.2\.25}, 'and its text');
	is($o[1]{codes}, undef, 'no code, no answer');
	is(ask($port, '--list', 'bl.test', '192.0.2.26')->{status}, 0, 'nowhere listed: exit 0');
	my $t = sweep('dnsbl', '--timeout', $answered, '--resolver', "127.0.0.1:$port", '--list', 'bl.test', '192.0.2.25');
	unlike($t->{out}, qr/\x1b/, 'the text of a list is safe for terminals');
	like($t->{out}, qr/^192\.0\.2\.25 +bl\.test +listed +127\.0\.0/m, 'the table');
	like($t->{err}, qr/asked 127\.0\.0\.1:$port: 1 listed, 0 not listed, 0 unknown/, 'who was asked is said');
	my @csv = split /\n/, sweep('dnsbl', '--csv', '--timeout', $answered, '--resolver', "127.0.0.1:$port", '--list', 'bl.test', '192.0.2.26')->{out};
	is_deeply(\@csv, [ join(',', @keys), '192.0.2.26,bl.test,,bl.test,clean,,,,,' ], 'CSV');

	@o = json_lines(ask($port, '--list', 'bl6.test', '2001:DB8:1:0::1', '2001:db8:2::1')->{out});
	is(join(' ', map { "$_->{address}=$_->{state}" } @o), '2001:db8:1::1=listed 2001:db8:2::1=clean', 'IPv6');
	@o = json_lines(ask($port, '--list', 'dbl.test', 'A.B.Spam.Example.', 'ham.example')->{out});
	is(join(' ', map { "$_->{address}=$_->{state}" } @o), 'a.b.spam.example=listed ham.example=clean', 'domains');
}

# ---- what is known of a list
{
	my @o = json_lines(ask($port, '--list', 'hostkarma', '192.0.2.25', '192.0.2.26', '192.0.2.27')->{out});
	is(join(' ', map { "$_->{state}/$_->{meaning}" } @o), 'listed/black clean/yellow: mixed clean/white', 'codes that are no listing');
	my ($o) = json_lines(ask($port, '--list', 'spamhaus-zen', '192.0.2.25')->{out});
	like($o->{meaning}, qr/PBL: policy/, 'a code has a meaning');
	is($o->{operator}, 'Spamhaus', 'a list an operator');
	is($o->{url}, 'https://check.spamhaus.org/', 'a listing a page');
	is((json_lines(ask($port, '--list', 'zen.spamhaus.org', '192.0.2.25')->{out}))[0]{list}, 'spamhaus-zen', 'a zone of the table is its list');
	($o) = json_lines(ask($port, '--list', 'uribl', 'www.shop.example')->{out});
	is($o->{meaning}, 'black; grey', 'bits; and a test entry that is not "test"');
}

# ---- unknown, never "not listed"
for my $t ([ 'world.test', '192.0.2.25', qr/lists everything/ ], [ 'err.test', '192.0.2.25', qr/test failed.*open to everybody/ ],
    [ 'late.test', '192.0.2.25', qr/too many queries/ ], [ 'late.test', '192.0.2.26', qr/refused \(127\.0\.0\.1\)/ ],
    [ 'outside.test', '192.0.2.25', qr/outside 127/ ], [ 'dead.test', '192.0.2.25', qr/lacks its test entry/ ],
    [ 'nobody.test', '192.0.2.25', qr/REFUSED/ ], [ 'dbl.test', '2001:db8::1', qr/lacks its test entry/ ], [ 'bl.test', 'ham.example', qr/lacks its test entry/ ]) {
	my ($zone, $address, $why) = @$t;
	my $r = ask($port, '--list', $zone, $address);
	my ($o) = json_lines($r->{out});
	is($r->{status}, 3, "$zone about $address: exit 3");
	is($o->{state}, 'unknown', '  unknown');
	like($o->{why}, $why, '  and why');
}
{
	my $r = ask($port, '--list', 'world.test', '--list', 'bl.test', '--list', 'nobody.test', '192.0.2.25');
	is($r->{status}, 1, 'listed by one, unknown to others: 1');
	is(join(' ', map { $_->{state} } json_lines($r->{out})), 'unknown listed unknown', 'in the order of the lists');
	is(ask($port, '--list', 'bl.test', '--list', 'nobody.test', '192.0.2.26')->{status}, 3, 'not listed by one, unknown to others: 3');
	$r = ask($port, '--list', 'bl.test', '127.0.0.2', '10.1.2.3', 'fe80::1', '192.0.2.26');
	is($r->{status}, 1, 'the test entry itself, asked for');
	is(join(' ', $r->{err} =~ /dnsbl: (\S+) is no address of the Internet/g), '127.0.0.2 10.1.2.3 fe80::1', 'what no list can know is said');
	$r = ask($port, '192.0.2.25');
	my %state = map { $_->{list} => $_->{state} } json_lines($r->{out});
	ok(keys %state > 12, 'all lists of the table: ' . keys %state);
	is($state{'spamhaus-zen'}, 'listed', 'one listed');
	is($state{spamcop}, 'unknown', 'one that does not answer');
	ok(!exists $state{sorbs} && !exists $state{'spamhaus-dbl'}, 'closed ones and those of domains are not asked');
}
for my $how (qw(servfail garbage other_id other_name cut loop silent)) {
	my $start = time;
	my $r = sweep('dnsbl', '--json', '--timeout', $how eq 'servfail' ? $answered : 1, '--resolver', '127.0.0.1:' . fake_server($how), '192.0.2.25', '192.0.2.26');
	is($r->{status}, 3, "$how: exit 3");
	my %state = map { $_->{state} => 1 } json_lines($r->{out});
	is(join(' ', keys %state), 'unknown', "  nothing is known of $how");
	ok(time - $start < 60, '  all lists were asked at once') or diag time - $start;
	like((json_lines($r->{out}))[0]{why}, qr/SERVFAIL/, '  and named') if $how eq 'servfail';
	like((json_lines($r->{out}))[0]{why}, qr/no answer within 1000 ms/, '  and named') if $how eq 'silent';
}
for my $how (qw(no_and_yes foreign long)) {
	my $r = sweep('dnsbl', '--json', '--timeout', $answered, '--resolver', '127.0.0.1:' . fake_server($how), '--list', 'x.test', '192.0.2.25');
	my ($o) = json_lines($r->{out});
	is("$r->{status} $o->{state}", '3 unknown', "$how: an answer that is none is not \"not listed\"");
	is($o->{why}, 'an answer without an address', '  and why');
}
for my $t ([ alias => '1 listed', undef ], [ alias_alone => '3 unknown', qr/an answer without an address/ ], [ nodata => '0 clean', undef ],
    [ many => '3 unknown', qr/open to everybody/ ], [ truncated => '3 unknown', qr/cannot be reached/ ]) {
	my ($how, $want, $why) = @$t;
	my $r = sweep('dnsbl', '--json', '--timeout', $answered, '--resolver', '127.0.0.1:' . fake_server($how), '--list', 'x.test', '--list', 'X.test.', '192.0.2.25', '::ffff:192.0.2.25');
	my @o = json_lines($r->{out});
	is("$r->{status} $o[0]{state}", $want, "$how: $want");
	$why ? like($o[0]{why}, $why, '  and why') : is($o[0]{why}, undef, '  and no reason needed');
	is(scalar @o, 1, '  an address and a list that are given twice are asked once');
	is($o[0]{codes}, '127.0.0.2, 127.255.255.254', '  each code once') if $how eq 'many';
}
# cut answers whose rest is had by TCP; a text of many kilobytes with what a terminal obeys
{
	my $tcp = IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 20) or die "socket: $!";
	my $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => $tcp->sockport) or die "socket: $!";
	my $answer = sub {
		my ($q) = @_;
		my ($id, $question) = (unpack('n', $q), substr $q, 12);
		return pack('n6', $id, 0x8183, 1, 0, 0, 0) . $question if $question =~ /^\x011\x010\x010\x03127/;
		return pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question . "\xc0\x0c" . pack('nnNn', 1, 1, 60, 4) . "\x7f\0\0\2" if unpack('n', substr $question, -4) == 1;
		return pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question . "\xc0\x0c" . pack('nnNn', 16, 1, 60, 40_000) . ("\xc7" . "x\x1b]0;y\x07\0" x 24 . 'z' x 7) x 200;
	};
	my $datagrams = fork // die "fork: $!";
	if ($datagrams == 0) {
		alarm 600;
		while (defined(my $from = $udp->recv(my $q, 4096))) {
			$udp->send(pack('n6', unpack('n', $q), 0x8380, 1, 0, 0, 0) . substr($q, 12), 0, $from);
		}
		exit 0;
	}
	push @pids, $datagrams;
	my $streams = fork // die "fork: $!";
	if ($streams == 0) {
		alarm 600;
		while (my $c = $tcp->accept) {
			my ($n, $q);
			while (read($c, $n, 2) == 2 && read($c, $q, unpack "n", $n)) {
				my $reply = $answer->($q);
				print {$c} pack('n', length $reply), $reply;
				$c->flush;
			}
		}
		exit 0;
	}
	push @pids, $streams;
	my $r = sweep('dnsbl', '--json', '--timeout', $answered, '--resolver', '127.0.0.1:' . $tcp->sockport, '--list', 'x.test', '192.0.2.25');
	my ($o) = json_lines($r->{out});
	is("$r->{status} $o->{state} $o->{codes}", '1 listed 127.0.0.2', 'an answer that was cut is asked for by TCP');
	like($o->{text}, qr/^x.\]0;y/, '  its text too');
	ok(length $o->{text} <= 1000, '  which is not longer than a reader needs') or diag length $o->{text};
	unlike($r->{out}, qr/[\x00-\x09\x0b-\x1f]/, '  and escaped');
}
is(sweep('dnsbl', '--timeout', $answered, '--resolver', '127.0.0.1:' . fake_server('empty'), '--list', 'x.test', '192.0.2.25')->{status}, 3, 'an empty answer to the test: the list is not there');
{
	my $r = sweep('dnsbl', '--json', '--resolver', '9.9.9.9', '--list', 'bl.test', '192.0.2.25');
	is($r->{status}, 3, 'a public resolver: unknown');
	like($r->{err}, qr/9\.9\.9\.9 is a public one/, '  said so');
	like((json_lines($r->{out}))[0]{why}, qr/not asked/, '  and not asked');
}

# ---- mistakes: 64
for my $args ([], [ 'no_address!' ], [ '1.2.3' ], [ '--list', 'nolist', '192.0.2.1' ], [ '--list', '192.0.2.1', '192.0.2.1' ], [ '--timeout', '0', '192.0.2.1' ],
    [ '--timeout', '1h', '192.0.2.1' ], [ '--resolver', 'x y', '192.0.2.1' ], [ '--resolver', '', '192.0.2.1' ],
    [ '--resolver', '127.0.0.1:65589', '192.0.2.1' ], (map { [ '--resolver', $_, '192.0.2.1' ] } 'localhost', '1', '127.0.0.1:0', '127.0.0.1:', '127.0.0.1:53x',
    '[::1', '[::1]53', '[::1]:0', '[127.0.0.1]:53', '127.0.0.1,8.8.8.8', '::1,::2', '127.0.0.1%lo', '[::1]:53:53', ':53'), [ map { "192.0.$_.1" } 0 .. 256 ]) {
	my $r = sweep('dnsbl', @$args);
	is($r->{status}, 64, 'usage: ' . join ' ', @$args > 9 ? 'too many addresses' : @$args);
	is($r->{out}, '', '  no data');
	like($r->{err}, qr/^spoolsweep: dnsbl/, '  but a word');
}

# ---- our addresses from the replies of a spool
{
	my $index = "$dir/index.db";
	is(sweep({ index => $index }, 'dnsbl', '--from-evidence', '--resolver', "127.0.0.1:$port")->{status}, 3, 'no index: 3, as 1 is "listed"');
	mkspool('postfix', "$dir/pf", 40);
	sweep_ok({ index => $index }, 'scan', "$dir/pf");
	my $r = sweep({ index => $index }, 'dnsbl', '--json', '--from-evidence', '--timeout', $answered, '--resolver', "127.0.0.1:$port", '--list', 'bl.test');
	my @o = json_lines($r->{out});
	is($r->{status}, 1, 'the address that replies name is listed');
	is(join(' ', map { $_->{address} } @o), '198.51.100.25', 'it and no other');
	mkspool('postfix', "$dir/none", 0);
	is(sweep({ index => "$dir/none.db" }, 'scan', "$dir/none")->{status}, 0, 'an empty spool');
	is(sweep({ index => "$dir/none.db" }, 'dnsbl', '--from-evidence', '--resolver', "127.0.0.1:$port")->{status}, 3, 'no address named: nothing is known');
}

done_testing();
