package Mta;
# What the scripts around real mail servers share: an SMTP client, the traffic that the tests send with the
# truth about each message, and the start of a server run in namespaces. The truth is what was done (who
# authenticated, from which address), never what a spool file says. Core Perl modules only.
use strict;
use warnings;
use Cwd ();
use Encode ();
use Fcntl ();
use File::Basename ();
use File::Path ();
use IO::Socket::IP;
use JSON::PP ();
use MIME::Base64 ();
use Time::HiRes ();
use Time::Local ();

our $json = JSON::PP->new->canonical->utf8->allow_nonref;
my @locks;
our $top = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');

# --- running ------------------------------------------------------------------------------------------

# Why the real servers cannot run here, or undef. The answer is found by trying.
sub reason_to_skip
{
	my (@trees) = @_;

	return 'needs root' if $> != 0;
	for my $tree (@trees) {
		return "no build/mta/$tree: run make deps" if !-f "$top/build/mta/$tree/.complete";
	}
	my $out = `unshare -m -p -n -f --mount-proc sh -c 'ip link set lo up && mount -t tmpfs tmpfs /tmp' 2>&1`;
	return $? == 0 ? undef : "no private namespaces here: $out";
}

# A skip is an excuse on a laptop and a failure in CI.
sub plan_or_skip
{
	my (@trees) = @_;

	Test::More::plan(skip_all => 'the server runs here, the program under Wine') if $ENV{SWEEP_WINDOWS};
	my $why = reason_to_skip(@trees) // return;

	chomp $why;
	if ($ENV{CI}) {
		Test::More::fail("real mail servers run in CI: $why");
		Test::More::done_testing();
		exit 1;
	}
	Test::More::plan(skip_all => $why);
}

# An empty build/t/NAME with what a server's spool goes into. Another run of the same test waits for our end.
sub fresh_dir
{
	my ($name) = @_;
	my $dir = "$top/build/t/$name";

	File::Path::make_path("$top/build/t");
	open my $lock, '>', "$dir.lock" or die "$dir.lock: $!\n";
	flock $lock, Fcntl::LOCK_EX() or die "$dir.lock: $!\n";
	push @locks, $lock;
	File::Path::remove_tree($dir);
	File::Path::make_path("$dir/spool", "$dir/log");
	return $dir;
}

# Runs tests/mta/SCRIPT inside the namespaces of TREE; all that it says is in DIR/log/run.
sub run_inside
{
	my ($tree, $dir, $script, @args) = @_;

	my $status = system('sh', '-c', 'log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null', 'sh', "$dir/log/run",
	    "$top/tests/mta/ns", "$top/build/mta/$tree", $dir, "$top/tests/mta/$script", @args);
	return $status == 0;
}

# A last line without an end is still being written.
sub read_lines
{
	my ($path) = @_;

	open my $in, '<:raw', $path or die "$path: $!\n";
	return map { $json->decode($_) } grep { /\n\z/ } <$in>;
}

sub append_line
{
	my ($path, $object) = @_;

	open my $out, '>>:raw', $path or die "$path: $!\n";
	print $out $json->encode($object), "\n";
	close $out or die "$path: $!\n";
}

# Until a test is true. What it waits for comes, however slow the machine is; the limit is for what never comes.
sub wait_until
{
	my ($what, $test) = @_;
	my $end = Time::HiRes::time() + 600;

	until ($test->()) {
		die "waited in vain: $what\n" if Time::HiRes::time() > $end;
		Time::HiRes::sleep(0.05);
	}
}

sub wait_for_port
{
	my ($port, $host) = @_;

	wait_until("port $port", sub { IO::Socket::IP->new(PeerHost => $host // '127.0.0.1', PeerPort => $port, Timeout => 20) });
}

# The far end; it listens at this address last.
sub start_sink
{
	start("$top/tests/mta/sink");
	wait_for_port(2525, '127.0.0.6');
}

# The number of the process that was made last in our pid namespace.
sub last_pid
{
	open my $in, '<', '/proc/loadavg' or die "/proc/loadavg: $!\n";
	return (split ' ', <$in>)[4];
}

# Live processes in our pid namespace whose program has one of these names; the kernel keeps 15 characters of each. A process that
# ends while we look may leave a child that was not yet in the list: then we look again.
sub pids_of
{
	my %named = map { substr($_, 0, 15) => 1 } @_;
	my ($last, @pids);

	do {
		$last = last_pid();
		@pids = ();
		for my $stat (glob '/proc/[0-9]*/stat') {
			open my $in, '<', $stat or next;
			my ($pid, $comm, $state) = (<$in> // '') =~ /^(\d+) \((.*)\) (\S)/ or next;
			push @pids, $pid if $named{$comm} && $state ne 'Z';
		}
	} until $last == last_pid();
	return @pids;
}

sub runs
{
	my ($pid) = @_;

	open my $in, '<', "/proc/$pid/stat" or return 0;
	return (<$in> // '') =~ /^\d+ \(.*\) [^TZX]/;
}

# What CODE returns while no process of this name runs on; all are stopped before it begins.
sub while_stopped
{
	my ($name, $code) = @_;
	my (%stopped, @new);

	while (@new = grep { !$stopped{$_} } pids_of($name)) {
		kill 'STOP', @new;
		$stopped{$_} = 1 for @new;
		wait_until("$name stops", sub { !grep { runs($_) } @new });
	}
	my $result = eval { $code->() };
	my $error = $@;
	kill 'CONT', keys %stopped;
	die $error if $error ne '';
	return $result;
}

# The inodes of queue files that agents of Postfix have open: an agent shares a lock on its file, while qmgr has one of its own
# (deliver_request.c, qmgr_message.c).
sub open_in_agents
{
	open my $locks, '<', '/proc/locks' or die "/proc/locks: $!\n";
	return map { /FLOCK +ADVISORY +READ .*:(\d+) 0 EOF$/ ? ($1 => 1) : () } <$locks>;
}

# Has Postfix nothing to do? qmgr alone takes files out of incoming and active: it is stopped, else a bounce that comes into the one
# while its cause leaves the other is not seen. An agent that has still open what is deferred would have qmgr put it off once more.
sub is_postfix_quiet
{
	my ($spool) = @_;

	return while_stopped('qmgr', sub {
		return 0 if output('find', (map { "$spool/$_" } qw(maildrop incoming active)), '-type', 'f') ne '';
		my %open = open_in_agents();
		return !%open || !grep { $open{$_} } split /\n/, output('find', "$spool/deferred", "$spool/hold", '-type', 'f', '-printf', '%i\n');
	});
}

# Ends a Postfix whose daemons are in this folder, with what it is delivering: qmgr must not see its agents die, for it would defer
# their messages. Until the last smtpd is gone its port is taken: the next master cannot have it, and who connects meanwhile is
# cut off when that smtpd dies.
sub stop_postfix
{
	my ($master, $daemons) = @_;

	while_stopped('qmgr', sub {
		kill 'TERM', $master;
		waitpid $master, 0;
	});
	wait_until('Postfix ends', sub { !pids_of(map { m{([^/]+)$} } glob "$daemons/*") });
}

sub start
{
	my (@command) = @_;
	my $pid = fork // die "fork: $!\n";

	return $pid if $pid;
	exec { $command[0] } @command or die "$command[0]: $!\n";
}

sub run
{
	my (@command) = @_;

	system(@command) == 0 or die "@command: exit " . ($? >> 8) . "\n";
}

# The bytes that a command prints; the exit status is in $?.
sub output
{
	my (@command) = @_;

	open my $in, '-|:raw', @command or die "$command[0]: $!\n";
	local $/;
	my $text = <$in> // '';
	close $in;
	return $text;
}

# --- an SMTP client -----------------------------------------------------------------------------------

sub reply
{
	my ($io) = @_;
	my $text = '';

	while (defined(my $line = <$io>)) {
		$text .= $line;
		last if $line !~ /^\d{3}-/;
	}
	return $text;
}

sub command
{
	my ($io, $line) = @_;

	print $io "$line\r\n" or die "smtp: $!\n";
	my $answer = reply($io);
	die "smtp: $line: $answer\n" if $answer !~ /^[23]/;
	return $answer;
}

# A session up to and with DATA, as the message's client would hold it.
sub smtp_until_data
{
	my ($m) = @_;
	my $ip = $m->{from_ip} // '127.0.0.1';
	my $io = IO::Socket::IP->new(PeerHost => $ip =~ /:/ ? '::1' : '127.0.0.1', PeerPort => 25,
	    LocalHost => $ip, Timeout => 20) or die "smtp from $ip: $@\n";

	binmode $io;
	$io->autoflush(1);
	reply($io);
	command($io, "EHLO $m->{helo}");
	command($io, "XFORWARD $m->{xforward}") if $m->{xforward};
	if (my $auth = $m->{auth}) {
		my ($user, $password) = @$auth;
		my $plain = MIME::Base64::encode_base64("\0$user\0$password", '');
		command($io, "AUTH PLAIN $plain");
	}
	my $options = $m->{smtputf8} ? ' SMTPUTF8' : '';
	command($io, "MAIL FROM:<" . Encode::encode_utf8($m->{sender}) . ">$options");
	command($io, "RCPT TO:<" . Encode::encode_utf8($_) . ">") for @{$m->{rcpt}};
	command($io, 'DATA');
	return $io;
}

# Sends a message and gives the final answer, in which servers name their queue id.
sub smtp_send
{
	my ($m) = @_;
	my $io = smtp_until_data($m);
	my $text = raw_message($m);

	$text =~ s/^\./../mg;
	$text =~ s/\n/\r\n/g;
	print $io $text;
	my $answer = command($io, '.');
	print $io "QUIT\r\n";
	close $io;
	return $answer;
}

# Hands a message to a sendmail command as this uid, like a web server's PHP does.
sub local_send
{
	my ($m, @sendmail) = @_;
	my $pid = open(my $out, '|-') // die "fork: $!\n";

	if (!$pid) {
		$) = "$m->{uid} $m->{uid}";
		$( = $m->{uid};
		($<, $>) = ($m->{uid}, $m->{uid});
		exec @sendmail or die "$sendmail[0]: $!\n";
	}
	binmode $out;
	print $out "To: " . join(",\n ", @{$m->{rcpt}}) . "\n" . raw_message($m);
	close $out;
	die "@sendmail: exit " . ($? >> 8) . "\n" if $? != 0;
}

sub raw_message
{
	my ($m) = @_;
	my $from = $m->{header_from} // ($m->{sender} eq '' ? 'MAILER-DAEMON@remote.example' : $m->{sender});

	return Encode::encode_utf8("From: $from\n") . ($m->{subject_header} // '') .
	    "Message-ID: <$m->{tag}\@client.example>\nX-Spool-Tag: $m->{tag}\n" . ($m->{headers} // '') .
	    "\n" . ($m->{body} // "Hello,\n\nthis is message $m->{tag}.\n");
}

# --- the traffic --------------------------------------------------------------------------------------

our @hacked = ('info@firma-maier.example', 'sommer2019');
our @passwords = (\@hacked, ['news@verein.example', 'rundbrief'], ['anna@kunde.example', 'secret1'],
	['Anna@Kunde.example', 'secret1'], ["o'brien+list\@kunde.example", 'secret2'], ['bob@kunde.example', 'secret3']);

sub encoded_word
{
	my ($charset, $text) = @_;

	return "=?$charset?B?" . MIME::Base64::encode_base64(Encode::encode($charset, $text), '') . '?=';
}

# A subject is given as its header bytes and as what a person reads.
sub subject
{
	my ($header, $text) = @_;

	return (subject_header => "Subject: $header\n", subject => $text // $header);
}

# One compromised account: many clients, forged senders, few subjects, recipients that refuse.
sub spam
{
	my ($count) = @_;
	my @subjects = ('Your parcel is waiting', 'Invoice 4711 overdue', 'Account verification', 'You have won');
	my @worlds = ('spamhaus.example', 'gmail.example', 'grey.example', 'block.example', 'spamhaus.example');
	my @list;

	for my $i (1 .. $count) {
		my $world = $worlds[$i % @worlds];
		push @list, {
			tag => "spam$i", auth => \@hacked, from_ip => '198.51.100.' . (11 + $i % 12), helo => "bot$i.example",
			sender => "user$i\@" . ($world eq 'block.example' ? ('grey.example', 'gone.example')[$i / 5 % 2] : "forged$i.example"),
			rcpt => [map { "victim$i-$_\@" . ($_ == 2 ? 'ok.example' : $world) } 1 .. 1 + $i % 4],
			subject($subjects[$i % @subjects]),
		};
	}
	return @list;
}

# An honest newsletter of similar volume: one sender in its own domain, hardly refused.
sub newsletter
{
	my ($count) = @_;

	return map { {
		tag => "news$_", auth => ['news@verein.example', 'rundbrief'], from_ip => '203.0.113.9',
		helo => 'newsletter.verein.example', sender => 'news@verein.example', rcpt => ["member$_\@grey.example"],
		subject(encoded_word('utf-8', "Vereinsnachrichten f\x{fc}r M\x{e4}rz"), "Vereinsnachrichten f\x{fc}r M\x{e4}rz"),
		headers => "List-Id: <news.verein.example>\nList-Unsubscribe: <mailto:off\@verein.example>\n",
	} } 1 .. $count;
}

# Each of these has one thing that a reader can get wrong.
sub specials
{
	my $euro = "Sch\x{f6}ne Gr\x{fc}\x{df}e \x{20ac}100";
	my $long = join ' ', map { "word$_" } 1 .. 60;
	my %anna = (auth => ['anna@kunde.example', 'secret1'], from_ip => '203.0.113.10', helo => '[10.1.2.3]',
		sender => 'anna@kunde.example');
	my %lan = (from_ip => '192.0.2.77', helo => 'scanner', sender => 'scanner@lan.example');
	my @list = (
		{ %anna, tag => 'plain', rcpt => ['a@grey.example'], subject('Offer') },
		{ %anna, tag => 'case', auth => ['Anna@Kunde.example', 'secret1'], rcpt => ['a@GREY.Example'],
		    sender => 'Anna@KUNDE.example', subject('Upper case') },
		{ %anna, tag => 'quote', auth => ["o'brien+list\@kunde.example", 'secret2'], sender => "o'brien+list\@kunde.example",
		    rcpt => ['"odd local part"@grey.example'], subject('Quoted recipient') },
		{ %anna, tag => 'raw8', rcpt => ['b@grey.example'], subject(Encode::encode_utf8($euro), $euro) },
		{ %anna, tag => 'latin1', rcpt => ['b@grey.example'], subject("Gr\xfc\xdfe", "Gr\x{fc}\x{df}e") },
		{ %anna, tag => 'words', rcpt => ['b@grey.example'],
		    subject(encoded_word('utf-8', "Gr\x{fc}") . "\n " . encoded_word('iso-8859-15', "\x{20ac}\x{df}") .
		        "\n\t=?UTF-8?Q?_und_mehr?= Ende", "Gr\x{fc}\x{20ac}\x{df} und mehr Ende") },
		{ %anna, tag => 'nfd', rcpt => ['b@grey.example'],
		    subject(encoded_word('utf-8', "u\x{308}ber"), "\x{fc}ber") },
		{ %anna, tag => 'folded', rcpt => ['b@grey.example'], subject($long =~ s/ word(\d0)/\n word$1/gr, $long) },
		{ %anna, tag => 'nosubject', rcpt => ['b@grey.example'] },
		{ %anna, tag => 'emptysubject', rcpt => ['b@grey.example'], subject('') },
		{ %anna, tag => 'lowercase', rcpt => ['b@grey.example'], subject_header => "subject: small name\n",
		    subject => 'small name' },
		{ %anna, tag => 'twosubjects', rcpt => ['b@grey.example'], subject('the first'),
		    headers => "Subject: the second\n" },
		{ %anna, tag => 'longline', rcpt => ['b@grey.example'],
		    headers => 'X-Long: ' . ('0123456789' x 500) . "\n", subject('x' x 3000) },
		{ %anna, tag => 'many', rcpt => [map { sprintf 'r%03d@%s', $_, ($_ % 3 ? 'grey.example' : 'ok.example') } 1 .. 300],
		    subject('Three hundred') },
		{ %anna, tag => 'part', rcpt => ['a@ok.example', 'b@grey.example', 'c@ok.example', 'd@spamhaus.example'],
		    subject('Partly delivered') },
		{ %anna, tag => 'refused', rcpt => ['a@refuse.example'], subject('Greeting refused') },
		{ %anna, tag => 'down', rcpt => ['a@down.example'], subject('Connection refused') },
		{ %anna, tag => 'utf8reply', rcpt => ['a@ru.example'], subject('Answer with UTF-8') },
		{ %anna, tag => 'limited', rcpt => ['a@gmail.example', 'b@gmail.example'], subject('Rate limited') },
		{ %anna, tag => 'bigbody', rcpt => ['a@grey.example'], subject('Big'),
		    body => ("A line of text, " x 4 . "\n") x 3000 . ".\n..\n" . 'y' x 5000 . "\n" },
		{ %anna, tag => 'eightbit', rcpt => ['a@grey.example'], subject('Eight bit body'), body => "\xe4\xf6\xfc\n\xc3\xa4\n" },
		{ %anna, tag => 'nullauth', sender => '', rcpt => ['a@grey.example'], subject('Null sender, authenticated') },
		{ %anna, tag => 'smtputf8', sender => "j\x{f6}rg\@kunde.example", smtputf8 => 1,
		    rcpt => ["\x{43f}\x{43e}\x{447}\x{442}\x{430}\@grey.example"], subject('Internationalised') },
		{ %lan, tag => 'nullclient', sender => '', rcpt => ['a@grey.example'], subject('Undeliverable: hello') },
		{ %lan, tag => 'six', from_ip => '2001:db8::77', helo => 'six.lan.example', rcpt => ['a@grey.example'],
		    subject('From IPv6') },
	);
	push @list, { %lan, tag => "lan$_", sender => "scan$_\@lan.example", rcpt => ["a$_\@grey.example", 'b@ok.example'],
	    subject("Scan number $_") } for 1 .. 6;
	push @list, { tag => "php$_", uid => 33, sender => 'www-data@mail.host.example', rcpt => ["form$_\@spamhaus.example"],
	    headers => "X-PHP-Originating-Script: 33:mailer.php\n",
	    subject(encoded_word('utf-8', "Bestellung \x{2116} $_"), "Bestellung \x{2116} $_"), script => 'mailer.php' } for 1 .. 8;
	push @list, { tag => "shop$_", uid => 2001, sender => 'webshop@mail.host.example', rcpt => ["buyer$_\@grey.example"],
	    subject("Order $_") } for 1 .. 3;
	push @list, { tag => 'forum', uid => 2002, sender => 'forum@mail.host.example', rcpt => ['a@grey.example', 'b@ok.example'],
	    subject('New posting') };
	push @list, { tag => 'forumnull', uid => 2002, sender => '', rcpt => ['a@grey.example'], subject('Null sender, local') };
	return @list;
}

our %login = (33 => 'www-data', 2001 => 'webshop', 2002 => 'forum');

# The account that the contract's order of proof gives this message; LOCAL says how a spool names a local user.
sub truth
{
	my ($m, $local_names) = @_;
	my ($kind, $account, $client);

	if (!defined $m->{uid}) {
		$client = $m->{real_ip} // $m->{from_ip} // '127.0.0.1';
	}
	if ($m->{auth}) {
		($kind, $account) = ('auth', $m->{auth}[0]);
	} elsif (defined $m->{uid}) {
		($kind, $account) = ('local', $local_names ? $login{$m->{uid}} : "uid:$m->{uid}");
	} elsif ($m->{sender} eq '') {
		($kind, $account) = ('bounce', '<>');
	} else {
		($kind, $account) = ('client', $client);
	}
	return {
		tag => $m->{tag}, account => $account, account_kind => $kind, client => $client, sender => $m->{sender},
		subject => $m->{subject}, script => $m->{script}, recipients => scalar @{$m->{rcpt}}, uid => $m->{uid},
		helo => $m->{helo}, message_id => "<$m->{tag}\@client.example>",
	};
}

# --- comparing ----------------------------------------------------------------------------------------

# What the far end said to recipients of these domains, as a pattern; a reason must match one that is pending.
our %said = (
	'grey.example' => qr/Greylisted, try again/, 'spamhaus.example' => qr/blocked using zen\.spamhaus\.org/,
	'gmail.example' => qr/421-4\.7\.0 \[203\.0\.113\.25      15\] Our system has detected .*rate limited/s,
	'ru.example' => qr/\x{41f}\x{43e}\x{447}\x{442}\x{430} \\ later/, 'refuse.example' => qr/\[TSS04\]/,
	'down.example' => qr/refused/, 'gone.example' => qr/User unknown/, 'host.example' => qr/Greylisted/,
);

sub from_utf8
{
	my ($bytes) = @_;

	return defined $bytes ? Encode::decode('UTF-8', $bytes) : undef;
}

sub fold_domain
{
	my ($address) = @_;

	return defined $address ? $address =~ s/@([^@]*)$/'@' . lc $1/er : undef;
}

# The text of a header that the server printed, for headers without encoded words.
sub header_text
{
	my ($section, $name) = @_;
	my ($text) = $section =~ /^\Q$name\E:[ \t]*(.*(?:\n[ \t].*)*)/mi or return undef;

	return from_utf8($text =~ s/\n//gr);
}

# Seconds and microseconds of a time in the JSON, or undef when it is none.
sub time_of
{
	my ($text) = @_;

	return undef if ($text // '') !~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?Z$/;
	return Time::Local::timegm_modern($6, $5, $4, $3, $2 - 1, $1) . sprintf '.%06d', ($7 // 0) * 1e6 + 0.5;
}

sub shown
{
	my ($value) = @_;

	return JSON::PP->new->canonical->ascii->allow_nonref->encode($value);
}

# One test a field: GOT is what the program lists by id, WANT what the server itself says. A wanted value is a
# plain value, a pattern, or a list of either of which one must fit; a field that is not wanted is not compared.
sub compare
{
	my ($name, $got, $want) = @_;
	my (%count, %wrong);

	Test::More::is_deeply([sort keys %$got], [sort keys %$want], "$name: the same ids") or
	    Test::More::diag("only listed: @{[grep { !$want->{$_} } sort keys %$got]}\n" .
	        "not listed: @{[grep { !$got->{$_} } sort keys %$want]}");
	for my $id (sort keys %$want) {
		my $row = $got->{$id} or next;
		for my $field (sort grep { !/^_/ } keys %{$want->{$id}}) {
			my $value = $want->{$id}{$field};
			my $have = $row->{$field};
			$count{$field}++;
			next if grep { fits($have, $_) } ref $value eq 'ARRAY' ? @$value : $value;
			push @{$wrong{$field}}, "$id ($want->{$id}{_tag}): listed " . shown($have) . ', server ' .
			    (ref $value ? join ' or ', ref $value eq 'ARRAY' ? @$value : "$value" : shown($value));
		}
	}
	for my $field (sort keys %count) {
		my @bad = @{$wrong{$field} // []};
		Test::More::ok(!@bad, "$name: $field agrees on $count{$field} messages") or
		    Test::More::diag(join "\n", @bad . ' differ:', splice @bad, 0, 12);
	}
	return scalar grep { $got->{$_} } keys %$want;
}

sub fits
{
	my ($have, $want) = @_;

	return !defined $have if !defined $want;
	return 0 if !defined $have;
	return ref $want eq 'Regexp' ? $have =~ $want : ref $have ? 0 : "$have" eq "$want";
}

# The patterns for the reason of a message with these recipients pending.
sub reasons_for
{
	my (@pending) = @_;
	my %domain = map { (lc(/@([^@]*)$/ ? $1 : '') => 1) } @pending;

	return grep { defined } map { $said{$_} } sort keys %domain;
}

1;
