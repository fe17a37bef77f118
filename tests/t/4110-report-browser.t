# The report in a real browser: no script runs, nothing is asked for, nothing is complained of, nothing sticks out, at the widths of a telephone
# and a desk, light and dark, and on paper. Debian's Chromium, which "make deps" installs.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Browser;
use Hostile;
use Sweep;
use Test::More;

plan skip_all => 'the browser is not here for the Windows program' if is_windows();
my $missing = Browser::missing();
plan skip_all => $missing if $missing && !$ENV{CI};
die "$missing: make deps\n" if $missing;

my $dir = work_dir();
my $now = time;
mkdir "$dir/browser" or die $!;

# ---- three reports: an incident, one of texts that attack, one of nothing
mkspool('--damage', '--hostile', '--now', $now, 'postfix', "$dir/postfix", 1500);
sweep_ok({ index => "$dir/plain.db", status => [ 0, 3 ] }, 'scan', '-q', '--contents', "$dir/postfix");
sweep_ok({ index => "$dir/plain.db", status => [ 0, 3 ] }, qw(purge -q --execute --yes --account info@atlas-tours.example --archive), "$dir/archives");
hostile_spool("$dir/hostile", $now);
sweep_ok({ index => "$dir/hostile.db", status => [ 0, 3 ] }, 'scan', '-q', "exim:$dir/hostile");
for ([ plain => 'plain' ], [ hostile => 'hostile', '-n', 0 ], [ redacted => 'hostile', '--redact' ], [ nothing => 'plain', '--account', 'nobody@nowhere.example' ]) {
	my ($page, $index, @options) = @$_;
	sweep_ok({ index => "$dir/$index.db", status => [ 0, 3 ] }, 'report', '-q', '--html', "$dir/$page.html", @options);
}

# What would be outside of the page, by its own layout.
my $sticking_out = q{(() => { const w = document.documentElement.clientWidth; return [...document.querySelectorAll('body *')].filter(e =>
	{ const r = e.getBoundingClientRect(); return r.width > 0 && (r.right > w + 1 || r.left < -1) && !e.closest('.scroll'); })
	.slice(0, 5).map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 60)).join(' | '); })()};
# Tables may be scrolled sideways in a frame of their own, but on a desk none has to be.
my $scrolled = q{[...document.querySelectorAll('.scroll')].filter(e => e.offsetWidth > 0 && !e.closest('details') && e.scrollWidth > e.clientWidth + 1).length};
my $strangers = q{[...document.querySelectorAll('script,img,iframe,object,embed,link,base,form,input,[onerror],[onload],[onclick],[style]')].length};

my $browser = Browser->new("$dir/browser");
for my $page (qw(plain hostile redacted nothing)) {
	for my $width (390, 1280) {
		for my $scheme (qw(light dark)) {
			my $name = "$page, $width pixels, $scheme";
			$browser->look($width, 900, $scheme);
			my $url = $browser->open_file("$dir/$page.html");
			is_deeply([ $browser->requests ], [ $url ], "$name: no request but the file itself");
			is(join("\n", $browser->complaints), '', "$name: the console is empty");
			like($browser->value('document.title'), qr/^Mail incident on /, "$name: the title is ours");
			is($browser->value('document.documentElement.scrollWidth'), $width, "$name: no wider than the window");
			is($browser->value($sticking_out), '', "$name: nothing sticks out");
			is($browser->value($strangers), 0, "$name: no element or attribute of a stranger");
			is($browser->value($scrolled), 0, "$name: no table is wider than the page") if $width > 1000;
			is($browser->value(q{getComputedStyle(document.body).backgroundColor}), $scheme eq 'dark' ? 'rgb(20, 24, 27)' : 'rgb(255, 255, 255)',
			    "$name: the style sheet holds and its colours fit");
			is($browser->value(q{[...document.querySelectorAll('.chart')].filter(e => e.getBoundingClientRect().height > 100).length}),
			    $page eq 'nothing' ? 0 : 1, "$name: one timeline is seen");
			$browser->picture("$ENV{KEEP_PICTURES}/$page-$width-$scheme.png") if $ENV{KEEP_PICTURES};
		}
	}
}

# the policy itself: it holds against what gets into the page by force
$browser->look(1280, 900, 'light');
$browser->open_file("$dir/plain.html");
$browser->value(q{document.body.insertAdjacentHTML('beforeend', '<img src="http://127.0.0.1:9/x.png" onerror="document.title=1"><p style="color:red">x</p>'); 1});
$browser->value('new Promise(done => setTimeout(done, 500)).then(() => 1)');
like(join("\n", $browser->complaints), qr/Content Security Policy/, 'a picture and a style that are forced in are refused');
like($browser->value('document.title'), qr/^Mail incident/, 'and run nothing');

# on paper: A4 without its margins of 15 mm, nothing cut at the right edge
$browser->{media} = 'print';
$browser->look(680, 1009, 'light');
$browser->open_file("$dir/plain.html");
is($browser->value('document.documentElement.scrollWidth'), 680, 'A4: no wider than the sheet');
is($browser->value($sticking_out), '', 'A4: nothing sticks out');
is($browser->value(q{[...document.querySelectorAll('.scroll')].filter(e => e.offsetWidth > 0 && !e.closest('details') && e.scrollWidth > e.clientWidth + 1).length}), 0,
    'A4: no table is cut');
is($browser->value(q{getComputedStyle(document.querySelector('nav')).display}), 'none', 'A4: no links');
my $pdf = $browser->cdp('Page.printToPDF', { preferCSSPageSize => JSON::PP::true })->{data};
like($pdf, qr/^JVBER/, 'A4: it prints');
$browser->close;
done_testing();
