# Debian's Chromium without a window, driven through chromedriver (WebDriver and its DevTools door) by plain HTTP on 127.0.0.1.
# What a page does is seen from outside of it: requests and console lines come from the browser's own logs.
package Browser;
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Find ();
use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use POSIX qw(WNOHANG);
use Sweep qw(slurp spew start_program top_dir);
use Time::HiRes qw(sleep);

my $json = JSON::PP->new->utf8->canonical;

# The installed ones, else those that tests/mta/fetch unpacked: with what they need in their environment.
my $tree = top_dir() . '/build/mta/chromium';

sub find {
	my ($name) = @_;
	return (grep { -f && -x } map { "$_/$name" } split /:/, $ENV{PATH} // '')[0];
}

sub programs {
	my ($browser, $driver) = (find('chromium'), find('chromedriver'));
	return ($browser, $driver) if $browser && $driver;
	return -f "$tree/.complete" ? ("$tree/usr/lib/chromium/chromium", "$tree/usr/bin/chromedriver") : ();
}

sub missing { return programs() ? undef : 'no chromium with chromedriver is installed or under build/mta' }

# For what comes from the tree: its libraries, its fonts and no others.
sub tree_environment {
	my ($dir) = @_;
	my %folder;
	File::Find::find({ no_chdir => 1, wanted => sub { $folder{$File::Find::dir} = 1 if /\.so[^\/]*$/ } }, $tree);
	spew("$dir/fonts.conf", "<?xml version=\"1.0\"?>\n<fontconfig><dir>$tree/usr/share/fonts</dir><cachedir>$dir/fonts</cachedir></fontconfig>\n");
	return (LD_LIBRARY_PATH => join(':', sort keys %folder), FONTCONFIG_FILE => "$dir/fonts.conf");
}

# new($dir): a private folder for its profile and logs.
sub new {
	my ($class, $dir) = @_;
	my $self = bless { dir => $dir, http => HTTP::Tiny->new(timeout => 600) }, $class;
	my ($browser, $driver) = programs();
	local @ENV{qw(HOME LD_LIBRARY_PATH FONTCONFIG_FILE)} = ($dir, @ENV{qw(LD_LIBRARY_PATH FONTCONFIG_FILE)});
	my %more = index($driver, $tree) == 0 ? tree_environment($dir) : ();
	$ENV{$_} = $more{$_} for keys %more;
	defined $ENV{$_} or delete $ENV{$_} for qw(LD_LIBRARY_PATH FONTCONFIG_FILE);
	$self->{pid} = start_program({ out => "$dir/driver.out", err => "$dir/driver.err" }, $driver, '--port=0');
	until (-e "$dir/driver.out" && (($self->{port}) = slurp("$dir/driver.out") =~ /started successfully on port (\d+)/)) {
		die "chromedriver ended: " . slurp("$dir/driver.err") if waitpid($self->{pid}, WNOHANG) != 0;
		sleep 0.1;
	}
	my $value = $self->call('POST', '', { capabilities => { alwaysMatch => {
		browserName => 'chrome',
		'goog:loggingPrefs' => { browser => 'ALL', performance => 'ALL' },
		'goog:chromeOptions' => { binary => $browser,
			args => [ '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', "--user-data-dir=$dir/profile",
			    '--disable-extensions', '--disable-background-networking', '--disable-component-update', '--no-first-run',
			    '--disable-sync', '--hide-scrollbars' ] },
	} } });
	$self->{session} = $value->{sessionId};
	return $self;
}

# One call of the protocol; its value. A refusal dies with what the driver says.
sub call {
	my ($self, $method, $path, $body) = @_;
	my $url = "http://127.0.0.1:$self->{port}/session" . ($self->{session} ? "/$self->{session}" : '') . $path;
	my $r = $self->{http}->request($method, $url, { headers => { 'Content-Type' => 'application/json' },
	    $method eq 'POST' ? (content => $json->encode($body || {})) : () });
	my $answer = eval { $json->decode($r->{content}) } || {};
	die "$method $path: $r->{status} " . substr($r->{content}, 0, 600) unless $r->{success};
	return $answer->{value};
}

sub cdp {
	my ($self, $command, $params) = @_;
	return $self->call('POST', '/goog/cdp/execute', { cmd => $command, params => $params || {} });
}

# The size of the window as the page sees it, and light or dark.
sub look {
	my ($self, $width, $height, $scheme) = @_;
	$self->cdp('Emulation.setDeviceMetricsOverride', { width => $width, height => $height, deviceScaleFactor => 1,
	    mobile => $width < 600 ? JSON::PP::true : JSON::PP::false });
	$self->cdp('Emulation.setEmulatedMedia', { media => $self->{media} // '', features => [ { name => 'prefers-color-scheme', value => $scheme } ] });
}

sub open_file {
	my ($self, $path) = @_;
	$self->log('performance');	# what went before is not this page's
	$self->log('browser');
	my $url = 'file://' . abs_path($path);
	$self->call('POST', '/url', { url => $url });
	return $url;
}

sub log { my ($self, $kind) = @_; return @{ $self->call('POST', '/se/log', { type => $kind }) } }

# Every address that the browser was asked for since open_file.
sub requests {
	my ($self) = @_;
	my @events = map { $json->decode($_->{message})->{message} } $self->log('performance');
	return map { $_->{params}{request}{url} } grep { $_->{method} eq 'Network.requestWillBeSent' } @events;
}

# Console lines, errors of the page and refusals by its policy.
sub complaints { my ($self) = @_; return map { "$_->{level}: $_->{message}" } $self->log('browser') }

# The value of an expression in the page. The page's policy does not bind the one who looks from outside.
sub value {
	my ($self, $expression) = @_;
	my $r = $self->cdp('Runtime.evaluate', { expression => $expression, returnByValue => JSON::PP::true });
	die "$expression: " . $json->encode($r) if $r->{exceptionDetails};
	return $r->{result}{value};
}

# The whole page as PNG.
sub picture {
	my ($self, $file, %clip) = @_;
	my $size = $self->cdp('Page.getLayoutMetrics')->{cssContentSize};
	my $r = $self->cdp('Page.captureScreenshot', { format => 'png', captureBeyondViewport => JSON::PP::true,
	    clip => { x => 0, y => 0, width => $size->{width}, height => $size->{height}, scale => 1, %clip } });
	open my $f, '>:raw', $file or die "$file: $!";
	print $f decode_base64($r->{data});
	close $f or die "$file: $!";
}

sub close {
	my ($self) = @_;
	eval { $self->call('DELETE', '') } if $self->{session};
	if ($self->{pid}) {
		kill 'TERM', $self->{pid};
		waitpid $self->{pid}, 0;
	}
	$self->{pid} = undef;
}

sub DESTROY { my ($self) = @_; local ($?, $@); $self->close }

1;
