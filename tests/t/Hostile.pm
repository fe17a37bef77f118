# An Exim spool whose every text attacks who shows it: markup, entities, style sheets, bidi controls, long subjects.
package Hostile;
use strict;
use warnings;
use Exporter 'import';
use Sweep qw(spew);
use File::Path qw(make_path);
use MIME::Base64 qw(encode_base64);

our @EXPORT = qw(hostile_spool);

my $rlo = "\xE2\x80\xAE";
my @texts = (
	'<script>document.title="owned";alert(1)</script>',
	'<img src=x onerror="document.title=\'owned\'">',
	'</td></table><svg onload=alert(1)>',
	'"><a href="javascript:document.title=\'owned\'">x</a>',
	"' onmouseover='document.title=1' x='",
	'</title></style><style>*{display:none!important}</style>',
	'<link rel=stylesheet href=http://203.0.113.9/x.css><meta http-equiv=refresh content="0;url=http://203.0.113.9/">',
	'&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62; &amp;amp; &nbsp;',
	'<!--<iframe src=http://203.0.113.9/>',
	']]><![CDATA[ <base href=http://203.0.113.9/>',
	"invoice${rlo}gpj.exe \xE2\x81\xA7\xE2\x81\xA6 end",
	"\x1b[2J\x01\x7f \xC2\x9B31m \xFF\xC0\xAF",
	'{{7*7}} ${7*7} `id` $(id) %3Cscript%3E',
	'W' x 10000,
	"\xE2\x80\x8F\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D" x 500,
	"Z\xCC\x81" . "\xCC\xB5" x 900,
);

sub header { my ($text, $flag) = @_; return sprintf "%03d%s %s\n", 1 + length $text, $flag || ' ', $text }

# Each text as subject, name of the account, sender, script and reply; one account sends a burst with all of them as subjects. Returns the number
# of messages.
sub hostile_spool {
	my ($spool, $now) = @_;
	my $n = 0;
	make_path(map { "$spool/$_" } qw(input msglog db));
	my $put = sub {
		my ($account, $sender, $subject, $script, $reply, $at) = @_;
		my $id = sprintf '1qDO9M-%06d-2p', ++$n;
		my $plain = $account =~ /[\n\0]/ ? 'info@shop.example' : $account;
		spew("$spool/input/$id-D", "$id-D\ntext\n", 0640);
		my $encoded = join "\n ", map { "=?UTF-8?B?$_?=" } split /\n/, encode_base64($subject);
		spew("$spool/input/$id-H", "$id-H\nwww-data 33 33\n<$sender>\n$at 0\n-received_protocol esmtpa\n-host_auth plain\n-auth_id $plain\n" .
		    "-host_address [192.0.2." . ($n % 250) . "]:4711\n-host_name $sender\n-helo_name $script\n" .
		    "XX\n1\n$sender\n\n" . header('Received: from x by mx', 'P') . header("Subject: $encoded") .
		    header("X-PHP-Originating-Script: 33:$script") . header("From: $sender"), 0640);
		spew("$spool/msglog/$id", "2026-01-01 00:00:00 $sender: SMTP error from remote mail server after RCPT TO: 550 $reply is spam\n", 0640);
	};
	for my $text (@texts) {
		(my $line = $text) =~ s/[\x00-\x1f]//g;
		(my $word = substr $line, 0, 300) =~ s/[<>\s]//g;
		$put->("$line\@shop.example", "$word\@evil.example", $text, "<b>$word</b>.php", $line, $now - 3600 * @texts);
		$put->('<b>"\'&`info@shop.example', "u$_\@f$_.example", $text, '/var/www/uploads/<i onclick=alert(1)>.php', $line, $now - $_) for 1 .. 12;
	}
	return $n;
}

1;
