package Live;
# A Postfix or an Exim that runs for as long as a test needs it, inside tests/mta/ns: Live->new('postfix' or 'exim')
# makes its spool in $MTA/t/spool, start and stop do that, inject sends messages to it, messages tells what the files of a
# spool (or of an unpacked archive) hold, by the server's own reader where it has one. All mail goes to tests/mta/recorder.
use strict;
use warnings;
use Digest::SHA ();
use POSIX ();
use Mta;

my $base = $ENV{MTA};
my $here = File::Basename::dirname(__FILE__);

sub new
{
	my ($class, $kind, %o) = @_;
	my $self = bless { kind => $kind, spool => "$base/t/spool", dir => "$base/t", pids => [], %o }, "Live::$kind";

	chmod 0755, $self->{dir}, $self->{spool};
	$self->setup;
	push @{$self->{pids}}, Mta::start("$here/recorder", $self->{dir}, $self->{prompt} ? 'prompt' : ());
	Mta::wait_for_port(2525);
	return $self;
}

sub write_file
{
	my ($path, $text) = @_;

	open my $out, '>:raw', $path or die "$path: $!\n";
	print $out $text;
	close $out or die "$path: $!\n";
}

# Sends messages in one session, noting each that the server has taken in FILE: tag, id, recipients, hash of the body.
sub inject
{
	my ($self, $file, $pace, @messages) = @_;
	my $io;

	for my $i (0 .. $#messages) {
		my $m = $messages[$i];
		my $text = Mta::raw_message($m);
		my ($body) = $text =~ /\n\n(.*)\z/s;
		if ($i % 50 == 0) {
			$io = session($m);
		}
		Mta::command($io, "MAIL FROM:<$m->{sender}>");
		Mta::command($io, "RCPT TO:<$_>") for @{$m->{rcpt}};
		Mta::command($io, 'DATA');
		print $io $text =~ s/^\./../mgr =~ s/\n/\r\n/gr;
		my ($id) = Mta::command($io, '.') =~ /(?:queued as |id=)(\S+)/;
		Mta::append_line($file, { tag => $m->{tag}, id => $id, account => $m->{auth}[0], rcpt => $m->{rcpt},
		    body => Digest::SHA::sha256_hex($body) });
		Time::HiRes::sleep($pace);
	}
}

sub session
{
	my ($m) = @_;
	my $io = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => 25, LocalHost => $m->{from_ip}, Timeout => 30)
	    or die "smtp: $@\n";

	binmode $io;
	$io->autoflush(1);
	Mta::reply($io);
	Mta::command($io, "EHLO $m->{helo}");
	Mta::command($io, 'AUTH PLAIN ' . MIME::Base64::encode_base64("\0$m->{auth}[0]\0$m->{auth}[1]", ''));
	return $io;
}

# Regular files below a folder, its own and those of private folders left out.
sub files_below
{
	my (@roots) = @_;

	return grep { !m{/\.spoolsweep/} } split /\n/, Mta::output('find', (grep { -d } @roots), '-type', 'f');
}

sub end
{
	my ($self) = @_;

	kill 'TERM', @{$self->{pids}};
	waitpid $_, 0 for @{$self->{pids}};
}

# --- Postfix ------------------------------------------------------------------------------------------

package Live::postfix;
our @ISA = ('Live');

my $sbin = "$base/sw/usr/sbin";
my $daemons = "$base/sw/usr/lib/postfix/sbin";
my $sasl_plugins = "$base/sw/usr/lib/x86_64-linux-gnu/sasl2";

# Owners and modes as in postfix-files; master and postdrop insist on some.
sub setup
{
	my ($self) = @_;
	my ($postfix, $postdrop) = (scalar getpwnam('postfix'), scalar getgrnam('postdrop'));
	my %mode = (maildrop => 0730, public => 0710, pid => 0755);

	for my $name (qw(active bounce corrupt defer deferred flush hold incoming private saved trace maildrop public pid)) {
		my $dir = "$self->{spool}/$name";
		mkdir $dir;
		chown $name eq 'pid' ? 0 : $postfix, $mode{$name} && $name ne 'pid' ? $postdrop : 0, $dir;
		chmod $mode{$name} // 0700, $dir;
	}
	mkdir "$base/data", 0700;
	chown $postfix, 0, "$base/data";
	chown 0, $postdrop, "$sbin/postdrop", "$sbin/postqueue";
	chmod 02755, "$sbin/postdrop", "$sbin/postqueue";
	mkdir "$base/etc/postfix/sasl", 0755;
	Live::write_file("$base/etc/postfix/sasl/smtpd.conf",
	    "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN\nsasldb_path: $base/etc/postfix/sasl/db\n");
	$self->configure;
	local $ENV{SASL_PATH} = $sasl_plugins;
	for my $pair (@Mta::passwords) {
		my ($user, $realm) = split /@/, $pair->[0];
		open my $out, '|-', "$sbin/saslpasswd2", '-p', '-c', '-f', "$base/etc/postfix/sasl/db", '-u', $realm, $user
		    or die "saslpasswd2: $!\n";
		print $out $pair->[1];
		close $out or die "saslpasswd2: $?\n";
	}
	chown $postfix, 0, "$base/etc/postfix/sasl/db";
}

sub configure
{
	my ($self) = @_;
	my $long = $self->{long_ids} ? 'yes' : 'no';
	my $backoff = $self->{backoff} // '2s';

	Live::write_file("$base/etc/postfix/main.cf", <<"END");
compatibility_level = 3.6
queue_directory = $self->{spool}
command_directory = $sbin
daemon_directory = $daemons
data_directory = $base/data
sendmail_path = $sbin/sendmail
maillog_file = $base/t/log/postfix
maillog_file_prefixes = $base
myhostname = mail.host.example
mydestination = localhost
alias_maps =
inet_interfaces = all
enable_long_queue_ids = $long
import_environment = MAIL_CONFIG TZ LANG=C SASL_PATH=$sasl_plugins
smtpd_sasl_auth_enable = yes
cyrus_sasl_config_path = $base/etc/postfix/sasl
mynetworks = 127.0.0.0/8 192.0.2.77 [2001:db8::77]
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated reject
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
local_header_rewrite_clients =
smtp_dns_support_level = disabled
smtp_bind_address = 127.0.0.1
smtp_line_length_limit = 0
default_transport = smtp:[127.0.0.1]:2525
minimal_backoff_time = $backoff
maximal_backoff_time = $backoff
queue_run_delay = 1s
initial_destination_concurrency = 10
END
	Live::write_file("$base/etc/postfix/master.cf", join '', map { "$_\n" } (
	    'smtp inet n - n - - smtpd', 'pickup unix n - n 60 1 pickup', 'qmgr unix n - n 300 1 qmgr',
	    'cleanup unix n - n - 0 cleanup', 'rewrite unix - - n - - trivial-rewrite', 'tlsmgr unix - - n 1000? 1 tlsmgr',
	    'bounce unix - - n - 0 bounce', 'defer unix - - n - 0 bounce', 'trace unix - - n - 0 bounce',
	    'verify unix - - n - 1 verify', 'flush unix n - n 1000? 0 flush', 'proxymap unix - - n - - proxymap',
	    'smtp unix - - n - 12 smtp', 'relay unix - - n - - smtp', 'showq unix n - n - - showq',
	    'error unix - - n - - error', 'retry unix - - n - - error', 'discard unix - - n - - discard',
	    'local unix - n n - - local', 'virtual unix - n n - - virtual', 'anvil unix - - n - 1 anvil',
	    'scache unix - - n - 1 scache', 'postlog unix-dgram n - n - 1 postlogd'));
}

sub start
{
	my ($self) = @_;

	$self->{master} = Mta::start("$daemons/master", '-c', "$base/etc/postfix", '-s');
	Mta::wait_for_port(25);
}

sub stop
{
	my ($self) = @_;

	Mta::stop_postfix($self->{master}, $daemons);
}

# Ends all deliveries: what still waits is held. An agent that dies when the far end has a message and before the file says so leaves one that
# is delivered and waits.
sub calm
{
	my ($self) = @_;

	Mta::wait_until('deliveries end', sub {
		Mta::run("$sbin/postsuper", '-h', 'ALL', 'deferred');
		$self->is_quiet;
	});
}

sub flush
{
	Mta::run("$sbin/postqueue", '-f');
}

sub local_command
{
	my ($self, $m) = @_;

	return ("$sbin/sendmail", '-t', '-f', $m->{sender} eq '' ? '<>' : $m->{sender});
}

# The server's own tool that deletes; one process for all ids.
sub remove
{
	my ($self, @ids) = @_;

	open my $out, '|-', "$sbin/postsuper", '-d', '-' or die "postsuper: $!\n";
	print $out map { "$_\n" } @ids;
	close $out or die "postsuper: $?\n";
}

sub message_files
{
	my ($self, $root) = @_;

	return Live::files_below(map { "$root/$_" } qw(maildrop incoming active deferred hold corrupt));
}

# What qmgr moves from one queue to another while we look could be found in neither.
sub messages
{
	my ($self, $root) = @_;

	return @{Mta::while_stopped('qmgr', sub { [$self->look($root)] })};
}

sub look
{
	my ($self, $root) = @_;
	my @files = $self->message_files($root);
	my @found;

	while (my @some = splice @files, 0, 200) {
		for (split /^(?=\*\*\* ENVELOPE RECORDS )/m, Mta::output("$sbin/postcat", '-eh', @some)) {
			my ($path) = /\A\*\*\* ENVELOPE RECORDS (.*) \*\*\*$/m or die "postcat: $_\n";
			my ($tag) = /^X-Spool-Tag: (\S+)/m;
			push @found, { path => substr($path, 1 + length $root), tag => $tag, id => $path =~ m{([^/]+)$},
			    pending => [/^recipient: (.*)/mg], done => [/^done_recipient: (.*)/mg] };
		}
	}
	return @found;
}

# Logs whose message is in no queue.
sub orphans
{
	my ($self) = @_;
	my %message = map { m{([^/]+)$} => 1 } $self->message_files($self->{spool});

	return map { substr $_, 1 + length $self->{spool} } grep { m{([^/]+)$} && !$message{$1} }
	    Live::files_below(map { "$self->{spool}/$_" } qw(defer bounce trace));
}

# A message as its reader will get it.
sub text_of
{
	my ($self, $m) = @_;

	return Mta::output("$sbin/postcat", '-hb', "$self->{spool}/$m->{path}");
}

# Four of them are held.
sub arrange
{
	my ($self, @ids) = @_;

	Mta::run("$sbin/postsuper", '-h', $_) for @ids[0 .. 3];
}

sub is_quiet
{
	my ($self) = @_;

	return Mta::is_postfix_quiet($self->{spool});
}

# Are these where a restore has to put them?
sub is_restored
{
	my ($self, $m) = @_;

	return $m->{path} =~ m{^hold/};
}

sub let_go
{
	my ($self) = @_;

	Mta::run("$sbin/postsuper", '-H', 'ALL');
}

# --- Exim ---------------------------------------------------------------------------------------------

package Live::exim;
our @ISA = ('Live');

my $exim = "$base/sw/usr/sbin/exim4";

sub setup
{
	my ($self) = @_;
	my $user = getpwnam('Debian-exim');
	my $group = getgrnam('Debian-exim');
	my $passwords = join ' : ', map { "$_->[0]=$_->[1]" } @Mta::passwords;
	my $split = $self->{split} ? 'true' : 'false';

	chown $user, $group, $self->{spool}, "$self->{dir}/log" or die "chown: $!\n";
	chown 0, 0, $exim;
	chmod 04755, $exim;
	Live::write_file("$base/etc/exim4/exim4.conf", <<"END");
primary_hostname = mail.host.example
qualify_domain = mail.host.example
exim_path = $exim
spool_directory = $self->{spool}
split_spool_directory = $split
log_file_path = $base/t/log/%slog
queue_only
queue_only_override = false
local_interfaces = <; 0.0.0.0 ; ::0
daemon_smtp_ports = 25
hostlist relay_from_hosts = <; 127.0.0.0/8 ; 192.0.2.77 ; 2001:db8::77
tls_advertise_hosts =
smtputf8_advertise_hosts = *
rfc1413_query_timeout = 0s
smtp_accept_max = 200
smtp_accept_queue = 0
timeout_frozen_after = 0s
delay_warning =
keep_environment =
never_users =
untrusted_set_sender = *
local_from_check = false
acl_smtp_rcpt = acl_rcpt

begin acl
acl_rcpt:
  accept authenticated = *
  accept hosts = +relay_from_hosts
  deny

begin routers
world:
  driver = manualroute
  transport = world
  route_list = * 127.0.0.1
  self = send

begin transports
world:
  driver = smtp
  port = 2525
  allow_localhost
  message_linelength_limit = 1000000
  hosts_try_fastopen =

begin retry
* * F,4d,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if inlist{\$auth2=\$auth3}{$passwords}}
  server_set_id = \$auth2
END
}

# The daemon only receives; RUNNERS processes go through the queue again and again, as impatient admins let them.
sub start
{
	my ($self) = @_;

	$self->{daemon} = Mta::start($exim, '-bdf');
	Mta::wait_for_port(25);
	for (1 .. $self->{runners} // 0) {
		my $pid = fork // die "fork: $!\n";
		if ($pid == 0) {
			local $SIG{TERM} = sub { $self->{over} = 1 };
			system $exim, '-qff' until $self->{over};
			POSIX::_exit(0);
		}
		push @{$self->{running}}, $pid;
	}
}

sub stop
{
	my ($self) = @_;

	kill 'TERM', $self->{daemon}, @{$self->{running} // []};
	waitpid $_, 0 for $self->{daemon}, @{$self->{running} // []};
	Mta::wait_until('Exim ends', sub { !Mta::pids_of('exim4') });
}

# What its processes have begun they finish when it is stopped.
sub calm
{
}

sub flush
{
	my ($self) = @_;

	return if $self->{runners};
	Mta::run($exim, '-qff');
	Mta::run($exim, "-qffG$_") for $self->queues;
}

# Names of the queues beside the default one.
sub queues
{
	my ($self, $root) = @_;

	return map { m{([^/]+)/input$} } glob(($root // $self->{spool}) . '/*/input');
}

sub local_command
{
	my ($self, $m) = @_;

	return ($exim, '-odq', '-f', $m->{sender} eq '' ? '<>' : $m->{sender}, '-t');
}

# exim -Mrm says for each id what became of it, and fails when one is locked or gone.
sub remove
{
	my ($self, @ids) = @_;

	while (my @some = splice @ids, 0, 100) {
		Mta::output($exim, '-Mrm', @some);
	}
}

sub message_files
{
	my ($self, $root) = @_;

	return grep { /-H$/ } Live::files_below("$root/input", map { "$root/$_/input" } $self->queues($root));
}

# No tool of Exim's reads a file outside of a spool: the tree of those that are done, the recipients, the journal.
sub messages
{
	my ($self, $root) = @_;
	my @found;

	for my $path ($self->message_files($root)) {
		open my $in, '<:raw', $path or die "$path: $!\n";
		local $/;
		my ($envelope, $header) = split /\n\n/, <$in>, 2;
		my ($tree, $count, $list) = $envelope =~ /\n(XX|[YN][YN] .*?)\n(\d+)\n(.*)\z/s or die "$path: no recipients\n";
		my %done = map { lc $_ => 1 } $tree =~ /^[YN][YN] (.*)/mg;
		if (open my $journal, '<:raw', $path =~ s/H$/J/r) {
			$done{lc $_} = 1 for split /\n/, <$journal>;
		}
		my @rcpt = split /\n/, $list;
		die "$path: $count recipients, and these: @rcpt\n" if @rcpt != $count;
		my ($tag) = $header =~ /^(?:\d+. )?X-Spool-Tag: (\S+)/m;
		push @found, { path => substr($path, 1 + length $root), tag => $tag, id => $path =~ m{([^/]+)-H$},
		    pending => [grep { !$done{lc $_} } @rcpt], done => [grep { $done{lc $_} } @rcpt] };
	}
	return @found;
}

# Files of a message of which -H or -D is not there, and logs without their message.
sub orphans
{
	my ($self) = @_;
	my (%part, @files);

	for my $path (Live::files_below(map { ("$self->{spool}/${_}input", "$self->{spool}/${_}msglog") } '', map { "$_/" } $self->queues)) {
		my ($id, $part) = $path =~ m{/input/(?:./)?([\w-]+)-([HDJK])$};
		($id) = $path =~ m{/([^/]+)$} if !defined $id;
		$part{$id}{$part // 'other'} = 1;
		push @files, [$path, $id];
	}
	return map { substr $_->[0], 1 + length $self->{spool} } grep { !$part{$_->[1]}{H} || !$part{$_->[1]}{D} } @files;
}

sub text_of
{
	my ($self, $m) = @_;

	my @queue = $m->{path} =~ m{^(?!input/)([^/]+)/} ? "-qG$1" : ();

	return Mta::output($exim, @queue, '-Mvc', $m->{id});
}

# Two are frozen, two are in a queue of another name.
sub arrange
{
	my ($self, @ids) = @_;

	Mta::run($exim, '-Mf', @ids[0, 1]);
	Mta::run($exim, '-MG', 'lists', @ids[2, 3]);
}

sub is_quiet
{
	return Mta::pids_of('exim4') <= 1;
}

# Are these where a restore has to put them?
sub is_restored
{
	my ($self, $m) = @_;
	open my $in, '<:raw', "$self->{spool}/$m->{path}" or die "$m->{path}: $!\n";
	local $/;

	return <$in> =~ /^-frozen \d+$/m;
}

sub let_go
{
	my ($self, @messages) = @_;

	my %queue;

	push @{$queue{$_->{path} =~ m{^(?!input/)([^/]+)/} ? "-qG$1" : ''}}, $_->{id} for @messages;
	for my $name (sort keys %queue) {
		Mta::output($exim, $name eq '' ? () : $name, $_, @{$queue{$name}}) for '-Mt', '-M';
	}
}

1;
