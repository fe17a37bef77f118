/* The classifier of replies, on texts of our own in the manner of real servers: recall and precision, and what it takes from a text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "index/reply.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* What a reply is, by hand. list: NULL when it is not looked at. */
struct labelled {
	int about_us;
	enum reply_category category;
	const char *list, *text;
};

static const struct labelled corpus[] = {
	/* ---- lists of addresses ---- */
	{ 1, REPLY_LISTED, "charter", "421 ibgw.cloudfilter.example cmsmtp 198.51.100.25 blocked AUP#CNCT:" },
	{ 1, REPLY_LISTED, "charter", "554 impin.charter.example ESMTP server not available 554 - 198.51.100.25 blocked. AUP#CNCT-1300" },
	{ 1, REPLY_LISTED, "charter", "557 spectrum.example cmsmtp IP: 198.51.100.25, blocked. AUP#I-1310" },
	{ 1, REPLY_LISTED, NULL, "554 5.7.1 Votre adresse 198.51.100.25 est sur notre liste noire" },
	/* ---- words of others in a reply: not the server's ---- */
	{ 0, REPLY_CONTENT, NULL, "554 5.7.1 The message from (<x@shop.example>) with the subject of (Re: we are on the spamhaus blacklist) matches"
	    " a profile the Internet community may consider spam." },
	{ 0, REPLY_RECIPIENT, NULL, "550 5.1.1 spamcop-fan@b.example... User unknown" },
	{ 0, REPLY_RECIPIENT, NULL, "550-5.1.1 listed-at-spamhaus@b.example\n550 5.1.1 no such user" },
	{ 0, REPLY_RECIPIENT, NULL, "smtp;550 blacklist@b.example: Recipient address rejected: User unknown" },
	{ 0, REPLY_POLICY, NULL, "550-Requested action not taken: mailbox unavailable 550-Reject due to policy restrictions. 550 For explanation"
	    " visit https://postmaster.gmx.net/en/error-messages?ip=198.51.100.25&c=hi" },
	{ 0, REPLY_CONTENT, NULL, "550 5.7.1 Message rejected due to content restrictions" },
	{ 1, REPLY_RATE, NULL, "550 5.7.1 too many recipients from your ip" },
	{ 1, REPLY_LISTED, NULL, "421 4.7.1 Intrusion prevention active for [198.51.100.25]" },
	{ 1, REPLY_LISTED, "spamhaus-zen", "host mx.a.example[192.0.2.9] said: 554 5.7.1 Service unavailable; Client host [198.51.100.25] blocked using"
	    " zen.spamhaus.org; https://www.spamhaus.org/query/ip/198.51.100.25 (in reply to RCPT TO command)" },
	{ 1, REPLY_LISTED, "spamhaus-sbl", "550 5.7.1 Mail from 198.51.100.25 refused, see https://www.spamhaus.org/sbl/query/SBL1234" },
	{ 1, REPLY_LISTED, "spamhaus-xbl", "554 5.7.1 198.51.100.25 is in the Exploits Block List" },
	{ 1, REPLY_LISTED, "spamhaus-pbl", "550 Blocked: 198.51.100.25 is in the Spamhaus PBL, use your provider's server" },
	{ 1, REPLY_LISTED, "spamhaus-css", "550-5.7.1 listed in Spamhaus CSS\\n550 5.7.1 go to https://check.spamhaus.org/" },
	{ 1, REPLY_LISTED, "spamhaus-dbl", "554 5.7.1 Sender address [a@shop.example] blocked using dbl.spamhaus.org" },
	{ 1, REPLY_LISTED, "spamhaus-zrd", "550 sender domain is too new (zrd.spamhaus): shop.example" },
	{ 1, REPLY_LISTED, "yahoo-spamhaus", "553 5.7.1 [BL23] Connections not accepted from 198.51.100.25" },
	{ 1, REPLY_LISTED, "spamcop", "550 rejected, 198.51.100.25 reported at spamcop, https://www.spamcop.net/bl.shtml?198.51.100.25" },
	{ 1, REPLY_LISTED, "sorbs", "521 5.7.1 client [198.51.100.25] blocked using dnsbl.sorbs.net" },
	{ 1, REPLY_LISTED, "uceprotect", "550 Your network is on UCEPROTECT Level 2" },
	{ 1, REPLY_LISTED, "backscatterer", "550 198.51.100.25 sent bounces to us, ips.backscatterer.org" },
	{ 1, REPLY_LISTED, "barracuda-brbl", "554 Service unavailable; Client host [mail.shop.example] blocked using Barracuda Reputation;"
	    " https://www.barracudanetworks.com/reputation/?r=1&ip=198.51.100.25" },
	{ 1, REPLY_LISTED, "invaluement", "550 5.7.1 found on ivmSIP" },
	{ 1, REPLY_LISTED, "cloudmark-csi", "554 5.7.1 refused; see https://csi.cloudmark.com/reset-request/?ip=198.51.100.25" },
	{ 1, REPLY_LISTED, "proofpoint-pdr", "554 Blocked - see https://ipcheck.proofpoint.com/?ip=198.51.100.25" },
	{ 1, REPLY_LISTED, "abusix", "554 5.7.1 Client host [198.51.100.25] blocked using combined.mail.abusix.zone" },
	{ 1, REPLY_LISTED, "trendmicro-ers", "550 5.7.1 blocked using Trend Micro RBL+" },
	{ 1, REPLY_LISTED, "trendmicro-ers", "450 4.7.1 <a@b.example>: Recipient address rejected: ERS-QIL." },
	{ 1, REPLY_LISTED, "0spam", "550 5.7.1 [198.51.100.25] blocked using bl.0spam.org" },
	{ 1, REPLY_LISTED, "spfbl", "550 blocked by matrix.spfbl.net, https://spfbl.net/en/delist" },
	{ 1, REPLY_LISTED, "mailspike", "554 Your server 198.51.100.25 is at bl.mailspike.net" },
	{ 1, REPLY_LISTED, "spamrats", "550 no mail from 198.51.100.25: SpamRATS" },
	{ 1, REPLY_LISTED, "psbl", "550 198.51.100.25 hit psbl.surriel.com" },
	{ 1, REPLY_LISTED, "dronebl", "550 listed as a bot at DroneBL" },
	{ 1, REPLY_LISTED, "nixspam", "554 5.7.1 blocked using ix.dnsbl.manitu.net; Spam sent to the mailhost" },
	{ 1, REPLY_LISTED, "validity", "554 5.7.1 refused by SenderScore" },
	{ 1, REPLY_LISTED, "symantec", "550 mail from 198.51.100.25 refused, http://ipremoval.sms.symantec.com/lookup/" },
	{ 1, REPLY_LISTED, "rbl.hoster.example", "554 5.7.1 Service unavailable; Client host [198.51.100.25] blocked using rbl.hoster.example; bye" },
	{ 1, REPLY_LISTED, "bl.hoster.example", "550 Rejected: 198.51.100.25 listed at bl.hoster.example" },
	{ 1, REPLY_LISTED, "bl2.hoster.example", "550-5.7.1 no mail from\n550 5.7.1 198.51.100.25 listed at bl2.hoster.example" },
	{ 1, REPLY_LISTED, NULL, "550 Your mail server's IP address is on our local blacklist" },
	{ 1, REPLY_LISTED, NULL, "554 IP 198.51.100.25 has been blocked because of spam" },
	{ 1, REPLY_LISTED, NULL, "550 5.7.1 We have received too much spam from your IP, try another provider" },
	{ 1, REPLY_LISTED, NULL, "550 Ihre IP 198.51.100.25 ist gesperrt" },
	{ 1, REPLY_LISTED, NULL, "550 la ip 198.51.100.25 figura en lista negra" },
	{ 1, REPLY_LISTED, NULL, "550-\"JunkMail rejected - mail.shop.example [198.51.100.25]:40112 is in an RBL\"" },
	{ 1, REPLY_LISTED, NULL, "550 5.3.0 198.51.100.25 is blocked. See https://www.example.net/block/" },
	{ 1, REPLY_LISTED, NULL, "571 5.7.1 Email from [198.51.100.25] is currently blocked, please ask for removal" },
	{ 1, REPLY_LISTED, NULL, "554 5.7.1 Your host is blocked" },
	{ 1, REPLY_LISTED, NULL, "554 5.7.1 Your IP address is in our greylist for good: blocklist" },
	/* ---- lists of one receiver ---- */
	{ 1, REPLY_LISTED, "microsoft-consumer", "550 5.7.1 Unfortunately, messages from [198.51.100.25] weren't sent. Please contact your provider since"
	    " part of their network is on our block list (S3140)." },
	{ 1, REPLY_LISTED, "microsoft-consumer", "550 SC-001 (BAY004-MC1F12) Mail rejected by Outlook.com for policy reasons" },
	{ 1, REPLY_LISTED, "microsoft-365", "550 5.7.606 Access denied, banned sending IP [198.51.100.25]. Visit https://sender.office.com/" },
	{ 1, REPLY_LISTED, "t-online", "554 IP=198.51.100.25 - A problem occurred. Ask your postmaster to contact tosa@rx.t-online.de." },
	{ 1, REPLY_LISTED, "t-online", "554 IP=198.51.100.25 - None/bad reputation. Contact tobr@rx.t-online.de for reset. (NOWL)" },
	{ 1, REPLY_LISTED, "united-internet", "554-mx.gmx.example No SMTP service 554-IP address is black listed 554 see https://postmaster.gmx.net/en/case?c=bl" },
	{ 1, REPLY_LISTED, "comcast", "554 mx.comcast.example 198.51.100.25 Comcast block for spam. See #BL000000" },
	{ 1, REPLY_LISTED, "comcast-cloudmark", "554 198.51.100.25 refused, #BL000010" },
	{ 1, REPLY_LISTED, "att", "553 5.3.0 alph1 DNSBL:ATTRBL 521< 198.51.100.25 >_is_blocked." },
	{ 1, REPLY_LISTED, "orange", "550 5.7.1 Service refuse. OFR_103 [103]" },
	{ 1, REPLY_LISTED, "free.fr", "550 too many spams from your IP (198.51.100.25), please visit http://postmaster.free.fr/" },
	{ 1, REPLY_LISTED, "mail.ru", "550 5.7.1 Access from ip address 198.51.100.25 blocked." },
	{ 1, REPLY_LISTED, "netease", "554 HL:IHU 163 smtp12,abcd see http://mail.163.com/help/help_spam_16.htm?ip=198.51.100.25" },
	{ 1, REPLY_LISTED, "yahoo", "553 5.7.2 [TSS09] All messages from 198.51.100.25 will be permanently deferred; Retrying will NOT succeed." },
	{ 1, REPLY_LISTED, "cox", "554 mx.cox.example CXBL 198.51.100.25 blocked" },
	{ 1, REPLY_LISTED, "godaddy", "554 p3plibsmtp01 bizsmtp IB212. Connection refused. 198.51.100.25" },
	/* ---- a domain in the text ---- */
	{ 1, REPLY_LISTED, "uribl", "550 5.7.1 a link in your message is in multi.uribl.com (black)" },
	{ 1, REPLY_LISTED, "surbl", "554 5.7.1 message has a URL listed at SURBL" },
	{ 1, REPLY_LISTED, NULL, "550 message refused: blacklisted URL in message" },
	/* ---- reputation ---- */
	{ 1, REPLY_REPUTATION, "talos", "554-mx1.b.example 554 Your access to this mail system has been rejected due to the sending MTA's poor reputation." },
	{ 1, REPLY_REPUTATION, "microsoft-rate", "451 4.7.650 The mail server [198.51.100.25] has been temporarily rate limited due to IP reputation (S775)" },
	{ 1, REPLY_REPUTATION, "google-domain", "550-5.7.1 [198.51.100.25 12] Our system has detected that this message is likely suspicious due to the very low"
	    " reputation of the 550-5.7.1 sending domain." },
	{ 1, REPLY_REPUTATION, "google-reputation", "550-5.7.1 [198.51.100.25] Gmail has detected that this message is suspicious due to the very low"
	    " reputation of the sending IP address." },
	{ 1, REPLY_REPUTATION, "yahoo-deferred", "421 4.7.0 [TSS04] Messages from 198.51.100.25 temporarily deferred due to unexpected volume or user complaints" },
	{ 1, REPLY_REPUTATION, "mimecast", "550 csi.mimecast.org Poor Reputation Sender" },
	{ 1, REPLY_REPUTATION, NULL, "554 5.7.1 Your IP has a bad reputation here" },
	/* ---- rate ---- */
	{ 1, REPLY_RATE, NULL, "421-4.7.28 [198.51.100.25] Our system has detected an unusual rate of unsolicited mail originating from your IP address."
	    " 421-4.7.28 To protect our users, mail sent from your IP address has been temporarily rate limited." },
	{ 1, REPLY_RATE, NULL, "452 4.5.3 rate limit exceeded" },
	{ 1, REPLY_RATE, NULL, "421 4.7.0 mx.b.example Error: too many connections from 198.51.100.25" },
	{ 1, REPLY_RATE, NULL, "550 Sender frequency limited." },
	{ 1, REPLY_RATE, NULL, "421 4.1.0 198.51.100.25 Throttled - try again later" },
	{ 1, REPLY_RATE, NULL, "450 4.7.1 Error: too much mail from 198.51.100.25" },
	{ 1, REPLY_RATE, NULL, "451 4.7.500 Server busy. Please try again later from [198.51.100.25]. (AS77712344)" },
	{ 1, REPLY_RATE, NULL, "421 4.7.1 Messages to a@icloud.example deferred due to excessive volume" },
	/* ---- policy about us ---- */
	{ 1, REPLY_POLICY, NULL, "450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.25]" },
	{ 1, REPLY_POLICY, NULL, "550-5.7.25 [198.51.100.25] The IP address sending this message does not have a PTR record setup" },
	{ 1, REPLY_POLICY, NULL, "550 5.7.1 we refuse mail from an address with no PTR" },
	{ 1, REPLY_POLICY, NULL, "554-No SMTP service 554-Bad DNS PTR resource record." },
	{ 1, REPLY_POLICY, NULL, "554 IP=198.51.100.25 - Dialup/transient IP not allowed. (DIAL)" },
	{ 1, REPLY_POLICY, NULL, "550 We do not accept mail from dynamic IP addresses" },
	{ 1, REPLY_POLICY, NULL, "550 Blocked by GeoIP: mail from your country is not accepted" },
	{ 1, REPLY_POLICY, NULL, "550-5.7.1 The IP you're using to send mail is not authorized to send email directly to our servers." },
	{ 1, REPLY_POLICY, NULL, "554 Your IP (198.51.100.25) is dynamically allocated" },
	/* ---- not about us ---- */
	{ 0, REPLY_MISCONFIGURED, NULL, "554 5.7.1 Client host [198.51.100.25] blocked using zen.spamhaus.org; Error: open resolver;"
	    " https://check.spamhaus.org/returnc/pub/192.0.2.53/" },
	{ 0, REPLY_MISCONFIGURED, NULL, "554 5.7.1 blocked using multi.uribl.com; 127.0.0.1 -> Query Refused. See http://uribl.com/refused.shtml [Your DNS IP: 192.0.2.53]" },
	{ 0, REPLY_MISCONFIGURED, NULL, "554 Client host blocked using zen.spamhaus.org (127.255.255.254)" },
	{ 0, REPLY_MISCONFIGURED, NULL, "550 5.7.1 blocked using dbl.spamhaus.org; Error: excessive number of queries" },
	{ 0, REPLY_GREYLIST, NULL, "450 4.2.0 <a@b.example>: Recipient address rejected: Greylisted for 5 minutes" },
	{ 0, REPLY_GREYLIST, NULL, "421 4.7.1 Client host blocked using grey.rbl.example - try again later" },
	{ 0, REPLY_GREYLIST, NULL, "451 4.7.1 Greylisting in action, please come back in 00:05:00" },
	{ 0, REPLY_RECIPIENT, NULL, "550 5.1.1 <spamhaus-reports@b.example>: Recipient address rejected: User unknown in virtual mailbox table" },
	{ 0, REPLY_RECIPIENT, NULL, "452-4.2.2 The recipient's inbox is out of storage space" },
	{ 0, REPLY_RECIPIENT, NULL, "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents more" },
	{ 0, REPLY_RECIPIENT, NULL, "550 5.2.1 This mailbox has been blocked due to inactivity" },
	{ 0, REPLY_RECIPIENT, NULL, "554 5.7.1 <a@b.example>: Relay access denied" },
	{ 0, REPLY_RECIPIENT, NULL, "552 5.2.2 mailbox over quota" },
	{ 0, REPLY_RECIPIENT, NULL, "554 5.7.1 <a@b.example>: Recipient address rejected: BLOCK-RCPT." },
	{ 0, REPLY_RECIPIENT, NULL, "550 that person is not listed in our directory" },
	{ 0, REPLY_RECIPIENT, NULL, "550 Benutzer unbekannt" },
	{ 0, REPLY_RECIPIENT, NULL, "554 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour." },
	{ 0, REPLY_CONTENT, NULL, "550-5.7.1 [198.51.100.25] Our system has detected that this message is 550-5.7.1 likely unsolicited mail." },
	{ 0, REPLY_CONTENT, NULL, "554 5.7.1 Spam message rejected" },
	{ 0, REPLY_CONTENT, NULL, "554 5.7.1 Blocked by SpamAssassin" },
	{ 0, REPLY_CONTENT, NULL, "550 5.7.1 The message was blocked due to spam in it" },
	{ 0, REPLY_CONTENT, NULL, "550 5.7.1 This message scored 17.2 spam points" },
	{ 0, REPLY_CONTENT, NULL, "550 5.7.1 virus found: Win.Trojan.Agent" },
	{ 0, REPLY_CONTENT, NULL, "550 High probability of spam" },
	{ 0, REPLY_CONTENT, NULL, "554 5.7.1 [1] Message rejected under suspicion of SPAM; https://ya.example/1" },
	{ 0, REPLY_CONTENT, NULL, "552-5.7.0 we found an illegal attachment on your message" },
	{ 0, REPLY_POLICY, NULL, "550-5.7.26 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy." },
	{ 0, REPLY_POLICY, NULL, "550 5.7.23 SPF check: 198.51.100.25 is not a permitted sender of shop.example" },
	{ 0, REPLY_POLICY, NULL, "450 4.1.8 <a@shop.example>: Sender address rejected: Domain not found" },
	{ 0, REPLY_POLICY, NULL, "554 Email rejected due to security policies" },
	{ 0, REPLY_POLICY, NULL, "552 5.3.4 Message size exceeds fixed limit" },
	/* ---- refusals of our address in the words of many ---- */
	{ 1, REPLY_LISTED, NULL, "554 5.3.2 We take no mail: connections are not accepted from your IP" },
	{ 1, REPLY_LISTED, NULL, "551 Your IP [198.51.100.25] is filtered here, this session ends" },
	{ 1, REPLY_LISTED, NULL, "554 Access restricted for your network" },
	{ 1, REPLY_LISTED, NULL, "554 Mail from 198.51.100.25 refused" },
	{ 1, REPLY_LISTED, NULL, "553 198.51.100.25 is on a black hole list" },
	{ 1, REPLY_LISTED, NULL, "550 sending server 198.51.100.25 banned for a dictionary attack" },
	{ 1, REPLY_LISTED, NULL, "550 5.7.1 blocked, open relay at 198.51.100.25" },
	{ 1, REPLY_LISTED, "bl.hoster.example", "550 25.100.51.198.bl.hoster.example is listed" },
	{ 1, REPLY_LISTED, NULL, "550 blocked: https://bl.hoster.example/?ip=198.51.100.25" },
	{ 0, REPLY_RECIPIENT, NULL, "550 that person is not listed here" },
	{ 1, REPLY_LISTED, "charter", "550 sender rejected. AUP#In-1000" },
	{ 1, REPLY_POLICY, NULL, "554 198.51.100.25 rejected AUP#I-1110" },
	{ 1, REPLY_RATE, NULL, "421 198.51.100.25 deferred AUP#In-1350" },
	{ 1, REPLY_LISTED, "godaddy", "554 bizsmtp IB113. 198.51.100.25" },
	{ 1, REPLY_RATE, NULL, "421 more sessions than allowed from here. IB007" },
	{ 0, REPLY_CONTENT, NULL, "552 rejected due to content judged to be spam. IB212" },
	{ 0, REPLY_POLICY, NULL, "550 192.0.2.7 may not send for shop.example, see its SPF record. IB508" },
	{ 1, REPLY_RATE, NULL, "550 5.7.508 Access denied, [2001:db8:0:1::25] has exceeded permitted limits in its range" },
	{ 1, REPLY_LISTED, "sfr", "450 4.7.1 <mx.shop.example[198.51.100.25]>: Client host rejected: SFR_IN_101" },
	{ 1, REPLY_RATE, NULL, "450 4.7.1 <mx.shop.example[198.51.100.25]>: Client host rejected: SFR_IN_205" },
	{ 1, REPLY_LISTED, NULL, "450 4.7.1 Client host rejected: address enumeration" },
	{ 1, REPLY_LISTED, NULL, "554 mail from here is refused because of abuse" },
	{ 1, REPLY_LISTED, NULL, "550 The domain shop.example is banned" },
	{ 1, REPLY_LISTED, NULL, "delivery temporarily suspended: host mx.b.example[192.0.2.9] said: 554 198.51.100.25 is on our blacklist" },
	{ 0, REPLY_UNKNOWN, NULL, "delivery temporarily suspended: connect to mx.b.example[192.0.2.9]:25: Connection refused" },
	{ 1, REPLY_RATE, NULL, "450 hourly send rate exceeded" },
	{ 1, REPLY_RATE, NULL, "450 you can only send 200 msgs per hour" },
	{ 0, REPLY_CONTENT, NULL, "550 blacklisted file extension (exe)" },
	{ 0, REPLY_CONTENT, NULL, "550 blocked by filter rules" },
	{ 0, REPLY_POLICY, NULL, "550 the return domain is invalid" },
	{ 0, REPLY_POLICY, NULL, "550-Postmaster verification failed while checking <a@shop.example> 550 User unknown" },
	/* ---- our address and a refusal, in whatever words ---- */
	{ 1, REPLY_LISTED, "att", "521-198.51.100.25 blocked by ldap:ou=rbl 521 Blocked for abuse, write to abuse_rbl@isp.example" },
	{ 1, REPLY_LISTED, NULL, "454 4.7.1 for now we blocked: 198.51.100.25, too many failed logins" },
	{ 1, REPLY_LISTED, NULL, "550 Your domain or IP 198.51.100.25 went to the screening list, try in 10 minutes" },
	{ 1, REPLY_LISTED, NULL, "554 is refused, see http://unblock.hoster.example/198.51.100.25" },
	{ 1, REPLY_LISTED, NULL, "554 shop.example[198.51.100.25] is not welcome here" },
	{ 1, REPLY_LISTED, NULL, "550 ip in jail" },
	{ 1, REPLY_LISTED, NULL, "550 we want nothing from your server" },
	{ 1, REPLY_LISTED, NULL, "554 A host that is banned. Ask the postmaster." },
	{ 1, REPLY_LISTED, NULL, "554 Refused, it is on a spam list" },
	{ 1, REPLY_LISTED, NULL, "450 Twoj serwer 198.51.100.25 zostal zablokowany" },
	{ 1, REPLY_LISTED, NULL, "550 Der Mailserver 198.51.100.25 steht auf schwarzen Listen" },
	{ 1, REPLY_LISTED, NULL, "554 Uw IP-adres 198.51.100.25 is geblokkeerd" },
	{ 1, REPLY_LISTED, NULL, "550 Votre IP a ete bannie" },
	{ 1, REPLY_LISTED, "bl.hoster.example", "550 The sender is in a black list bl.hoster.example" },
	{ 1, REPLY_LISTED, "dnsbl.hoster.example", "554 Client host [198.51.100.25] refused, see http://dnsbl.hoster.example/why" },
	{ 1, REPLY_LISTED, "sfr", "450 4.7.1 <mx.shop.example[198.51.100.25]>: Client host rejected: Abus GU_EIB_04" },
	{ 1, REPLY_LISTED, "trendmicro-ers", "550 the IP was found in QIL" },
	{ 1, REPLY_LISTED, "vade", "550 5.7.1 Connection refused ELNK001_101 https://postmaster-isp.vadesecure.com/#_101" },
	{ 1, REPLY_POLICY, NULL, "550 5.7.1 Connection refused OXSUS001_105" },
	{ 1, REPLY_RATE, NULL, "421 4.2.1 Connection deferred OXSUS001_136" },
	{ 1, REPLY_POLICY, NULL, "421 4.7.1 : (DYN:T1) see our page" },
	{ 1, REPLY_POLICY, NULL, "421 4.7.0 IP not in whitelist for this recipient" },
	{ 1, REPLY_POLICY, NULL, "550 mail from that country is refused" },
	{ 1, REPLY_REPUTATION, NULL, "550 your IP: reputation too low for our MX" },
	{ 1, REPLY_REPUTATION, "talos", "550 connection refused: 198.51.100.25 has SBRS -7.5" },
	{ 1, REPLY_REPUTATION, NULL, "550 refused: too many spam complaints" },
	{ 1, REPLY_RATE, NULL, "450 Error: too many new TLS sessions from 198.51.100.25" },
	{ 1, REPLY_RATE, NULL, "421 too many invalid recipients from this IP" },
	{ 1, REPLY_RATE, NULL, "421 Too many connections, slow down [smtp-33.iol.example; LIB_102]" },
	{ 1, REPLY_RATE, NULL, "451 too many messages from a new IP: 198.51.100.25 (G28)" },
	{ 1, REPLY_RATE, NULL, "550 your IP has reached the limit" },
	/* ---- words of a listing that is not ours ---- */
	{ 0, REPLY_RECIPIENT, NULL, "550 5.2.1 <a@b.example> mailbox blocked for spamming, the account is closed" },
	{ 0, REPLY_RECIPIENT, NULL, "554 this user's mailbox has been blacklisted by its postmaster" },
	{ 0, REPLY_RECIPIENT, NULL, "550-Your message was rejected by this user" },
	{ 0, REPLY_POLICY, NULL, "550 Your email address has been blacklisted" },
	{ 0, REPLY_POLICY, NULL, "550 sender <a@shop.example> black listed #127" },
	{ 0, REPLY_POLICY, NULL, "571 message refused, DMARC verification failed. LPN007_517" },
	{ 0, REPLY_POLICY, NULL, "451 Message temporarily deferred due to unresolvable from domain; unresolvable RFC 5321 name, see https://yahoo.example/" },
	{ 0, REPLY_POLICY, NULL, "550 5.7.1 SPF check failed, 198.51.100.25 is refused for shop.example" },
	{ 0, REPLY_POLICY, NULL, "550 5.7.703 messages to a@b.example are blocked by your organization" },
	{ 0, REPLY_MISCONFIGURED, NULL, "554 rejected: URIBL_BLOCKED, the query to URIBL was blocked" },
	{ 0, REPLY_CONTENT, NULL, "554 mail from 198.51.100.25 has been rejected. It was detected as spam" },
	{ 0, REPLY_RECIPIENT, NULL, "550 relay not permitted, 198.51.100.25 may not send here" },
	{ 0, REPLY_POLICY, NULL, "554 Refused. MAIL FROM [a@shop.example] mismatches client IP [198.51.100.25]." },
	{ 0, REPLY_CONTENT, NULL, "554 5.7.0 Reject, id=1-2 - BANNED: .exe" },
	{ 0, REPLY_RECIPIENT, NULL, "550 5.1.1 this recipient is blacklisted" },
	{ 0, REPLY_RECIPIENT, NULL, "550 the user refused to receive it" },
	{ 0, REPLY_RECIPIENT, NULL, "551 it is forwarded to a remote host, which is disabled; no longer in service" },
	{ 0, REPLY_UNKNOWN, NULL, "554 Message refused" },
	{ 1, REPLY_LISTED, NULL, "554 Please visit http://antispam.hoster.example/deny?ip=198.51.100.25" },
	{ 1, REPLY_LISTED, "trendmicro-ers", "450 Client host [198.51.100.25] deferred using qil.hoster.example" },
	{ 1, REPLY_RATE, NULL, "421 too many recipients in an hour from 198.51.100.25" },
	/* ---- in other languages, with accents and without ---- */
	{ 1, REPLY_LISTED, NULL, "550 Annahme verweigert: Mailserver 198.51.100.25 wegen Spamversand gesperrt" },
	{ 1, REPLY_LISTED, NULL, "550 Votre serveur 198.51.100.25 est bloqu\xc3\xa9, trop de spam" },
	{ 1, REPLY_LISTED, NULL, "554 Connexion refusee a votre adresse IP: liste noire" },
	{ 1, REPLY_LISTED, NULL, "550 El servidor 198.51.100.25 est\xc3\xa1 bloqueado por env\xc3\xado de spam" },
	{ 1, REPLY_LISTED, NULL, "550 O IP 198.51.100.25 foi bloqueado" },
	{ 1, REPLY_LISTED, NULL, "550 L'indirizzo IP 198.51.100.25 risulta bloccato" },
	{ 1, REPLY_LISTED, NULL, "550 Adres IP 198.51.100.25 jest na czarnej li\xc5\x9b""cie" },
	{ 1, REPLY_RATE, NULL, "421 Zu viele Verbindungen von 198.51.100.25" },
	{ 1, REPLY_RATE, NULL, "421 demasiadas conexiones, espere" },
	{ 1, REPLY_RATE, NULL, "421 Muitas conex\xc3\xb5""es de 198.51.100.25" },
	{ 1, REPLY_POLICY, NULL, "550 Kein PTR-Eintrag vorhanden" },
	{ 0, REPLY_RECIPIENT, NULL, "550 El buz\xc3\xb3n est\xc3\xa1 lleno" },
	{ 0, REPLY_RECIPIENT, NULL, "550 La boite aux lettres est pleine" },
	{ 0, REPLY_RECIPIENT, NULL, "552 casella piena" },
	{ 0, REPLY_RECIPIENT, NULL, "550 Skrzynka nie istnieje" },
	{ 0, REPLY_RECIPIENT, NULL, "550 Das Postfach ist voll" },
	{ 0, REPLY_CONTENT, NULL, "550 Nachricht wegen Spamverdacht abgelehnt" },
	/* ---- a recipient's own list, a recipient's name ---- */
	{ 0, REPLY_RECIPIENT, NULL, "550 5.1.1 no such user blocklist@b.example" },
	{ 0, REPLY_RECIPIENT, NULL, "550 mailbox spamhaus-team@b.example over quota" },
	{ 0, REPLY_RECIPIENT, NULL, "550 you have been blocked by the recipient" },
	{ 0, REPLY_RECIPIENT, NULL, "550 your address was blocked by the same user" },
	{ 0, REPLY_RECIPIENT, NULL, "550 the account or domain may not exist, or it is blacklisted" },
	{ 0, REPLY_RECIPIENT, NULL, "554 no space left on device" },
	{ 0, REPLY_RECIPIENT, NULL, "556 invalid account here" },
	{ 0, REPLY_RECIPIENT, NULL, "554 Hi [192.0.2.18], unresolvable address; nosuchuser" },
	{ 0, REPLY_CONTENT, NULL, "553 blocked using a spam pattern" },
	{ 0, REPLY_POLICY, NULL, "553 the sender domain must exist" },
	{ 0, REPLY_POLICY, NULL, "550 Sender address rejected: not here" },
	{ 0, REPLY_POLICY, NULL, "554 duplicate header From" },
	{ 0, REPLY_RECIPIENT, NULL, "550 as a spammer, by this user's reject list" },
	{ 1, REPLY_LISTED, NULL, "550 blocked here; for help write to delist@b.example" },
	/* ---- reverse names ---- */
	{ 1, REPLY_POLICY, NULL, "550 [198.51.100.25] has no rDNS" },
	{ 1, REPLY_POLICY, NULL, "501 the address of the sending host must resolve" },
	{ 1, REPLY_POLICY, NULL, "554 PTR wanted" },
	/* ---- limits ---- */
	{ 1, REPLY_RATE, NULL, "550 shop.example is over its sending quota" },
	{ 1, REPLY_RATE, NULL, "554 the limit on outgoing messages was exceeded" },
	{ 1, REPLY_RATE, NULL, "421 connection closed: message threshold exceeded" },
	{ 1, REPLY_RATE, NULL, "550 you have sent too many e-mails, come back tomorrow" },
	/* ---- neither a list nor us ---- */
	{ 0, REPLY_POLICY, NULL, "550-Verification failed for <a@shop.example> 550-No such user 550 Sender verify failed" },
	{ 0, REPLY_POLICY, NULL, "550 Bad HELO: that name does not exist" },
	{ 0, REPLY_POLICY, NULL, "550 your envelope sender stands in badmailfrom" },
	{ 0, REPLY_POLICY, NULL, "538 STARTTLS first" },
	{ 0, REPLY_POLICY, NULL, "550 sender of an unknown TLD" },
	{ 0, REPLY_CONTENT, NULL, "552 blocked: the content presents a potential security issue" },
	{ 0, REPLY_CONTENT, NULL, "550 unacceptable content" },
	{ 0, REPLY_CONTENT, NULL, "554 mail score 59, limit 50" },
	{ 1, REPLY_LISTED, NULL, "554 blocked, it has a blocking URL in it" },
	{ 0, REPLY_GREYLIST, NULL, "451 this triplet is new here, try later" },
	{ 0, REPLY_GREYLIST, NULL, "451 Internal resources are temporarily unavailable - https://a.example/#451" },
	{ 0, REPLY_UNKNOWN, NULL, "connect to mx.b.example[192.0.2.9]:25: Connection timed out" },
	{ 0, REPLY_UNKNOWN, NULL, "lost connection with mx.b.example[192.0.2.9] while sending end of data" },
	{ 0, REPLY_UNKNOWN, NULL, "451 4.3.0 Temporary server error. Please try again later" },
	{ 0, REPLY_UNKNOWN, NULL, "Host or domain name not found. Name service error for name=b.example type=MX: Host not found, try again" },
	{ 0, REPLY_UNKNOWN, NULL, "421 4.4.2 mx.b.example Error: timeout exceeded" },
	{ 0, REPLY_UNKNOWN, NULL, "retry timeout exceeded" },
	{ 0, REPLY_UNKNOWN, NULL, "" },
};

static void
test_corpus(void **state)
{
	struct replies *r = replies_new();
	struct arena a = { 0 };
	struct reply got;
	int right = 0, wrong = 0, missed = 0, category = 0, bad_list = 0;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(corpus); i++) {
		const struct labelled *l = &corpus[i];

		reply_read(&got, r, l->text, &a);
		right += l->about_us && got.about != ABOUT_NO;
		wrong += !l->about_us && got.about != ABOUT_NO;
		missed += l->about_us && got.about == ABOUT_NO;
		if ((l->about_us != 0) != (got.about != ABOUT_NO) || got.category != l->category)
			print_message("# %s (about us %d), not %s: %s\n", reply_category_name[got.category], got.about != ABOUT_NO,
			    reply_category_name[l->category], l->text);
		category += got.category == l->category;
		if (l->list != NULL && (got.list == NULL || strcmp(got.list, l->list) != 0)) {
			print_message("# list %s, not %s: %s\n", got.list != NULL ? got.list : "none", l->list, l->text);
			bad_list++;
		}
	}
	print_message("# evidence about us: recall %.3f, precision %.3f; category right %d of %zu\n", (double)right / (right + missed),
	    (double)right / (right + wrong), category, COUNT(corpus));
	assert_true((double)right / (right + missed) >= 0.97);
	assert_true((double)right / (right + wrong) >= 0.97);
	assert_true((double)category / (double)COUNT(corpus) >= 0.95);
	assert_int_equal(bad_list, 0);
	arena_free(&a);
	replies_free(r);
}

static void
test_normal(void **state)
{
	static const struct { const char *text, *want; } t[] = {
		{ "550-5.7.1 One\n550-5.7.1 two\r\n550 5.7.1  THREE", "550-5.7.1 one two three" },
		{ "550-5.7.1 One\\n550 5.7.1 two", "550-5.7.1 one two" },
		{ "host mx.a.example[192.0.2.1] said: 450 4.7.1 No", "450 4.7.1 no" },
		{ "host mx.a.example[192.0.2.1] refused to talk to me: 554 No", "554 no" },
		{ "SMTP error from remote mail server after MAIL FROM:<a@b>: host mx [192.0.2.1]: 550 No", "550 no" },
		{ "550 5.1.1 <spam@b.example> unknown", "550 5.1.1 <> unknown" },
		{ "550 see <http://a.example/?x=a@b>", "550 see <>" },
		{ "550 weren\xe2\x80\x99t\xc2\xa0sent", "550 weren't sent" },
		{ "550 \xc3\x89t\xc3\xa9 \xc5\x81\xc3\xb3""d\xc5\xba \xc3\x9f \xc3\x97 \xc5\xbf", "550 ete lodz s s" }, { "\xc3", "\xc3" }, { "\xc3z", "\xc3z" }, { "\xc6\x80", "\xc6\x80" },
		{ "550 no such user: a@b.example, bye", "550 no such user: <> bye" }, { "550 mailbox (a@b.example) full", "550 mailbox (<>) full" },
		{ "550 write to a@b.example", "550 write to a@b.example" }, { "550 superuser a@b.example", "550 superuser a@b.example" },
		{ "550 user a.b.example", "550 user a.b.example" }, { "550 user @b", "550 user @b" },
		{ "550 x 550-100 y", "550 x 100 y" },
		{ "550", "550" }, { "550-", "550-" }, { "5", "5" }, { "", "" }, { "   ", "" }, { "<", "<" }, { "<a@", "<a@" }, { "\\", "\\" },
		{ "\xc2", "\xc2" }, { "\xe2\x80", "\xe2\x80" }, { " said: ", "" },
	};
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 16384);
	for (i = 0; i < COUNT(t); i++) {
		reply_normal(&b, t[i].text);
		assert_string_equal(buf_cstr(&b), t[i].want);
	}
	buf_free(&b);
}

static void
test_address(void **state)
{
	static const struct { const char *text, *address, *url; } t[] = {
		{ "554 Client host [198.51.100.25] blocked using zen.spamhaus.org", "198.51.100.25", "https://check.spamhaus.org/" },
		{ "host mx[192.0.2.1] said: 550 blocked using bl.spamcop.net (in reply to RCPT TO command)", NULL, "https://www.spamcop.net/bl.shtml" },
		{ "host mx[192.0.2.1] said: 550 198.51.100.25 blocked using bl.spamcop.net", "198.51.100.25",
		    "https://www.spamcop.net/bl.shtml?198.51.100.25" },
		{ "550 blocked [2001:DB8:0:0::25] at spamcop", "2001:db8::25", "https://www.spamcop.net/bl.shtml?2001:db8::25" },
		{ "550 IPv6:2001:db8::1 is on our blacklist", "2001:db8::1", NULL },
		{ "550 ip=198.51.100.25, see https://a.example/x?ip=198.51.100.25).", "198.51.100.25", "https://a.example/x?ip=198.51.100.25" },
		{ "550 198.51.100.25 listed, see (HTTPS://b.example/A), http://c.example/198.51.100.25.", "198.51.100.25", "http://c.example/198.51.100.25" },
		{ "550 blacklisted: 127.0.0.2", NULL, NULL }, { "550 5.7.1 your IP is on our blacklist", NULL, NULL },
		{ "421 4.7.0 [TSS04] Messages from 198.51.100.25 temporarily deferred - 4.16.55.1; see https://p.example/c", "198.51.100.25",
		    "https://p.example/c" },
		{ "421 4.7.0 [TSS04] Messages temporarily deferred - 4.16.55.1; bye", NULL, "https://senders.yahooinc.com/smtp-error-codes" },
		{ "521-198.51.100.25 blocked for abuse", "198.51.100.25", NULL }, { "550 blacklisted x-198.51.100.25", NULL, NULL },
		{ "550 blacklisted 198.51.100.25.dyn.example", NULL, NULL }, { "550 blacklisted 1198.51.100.25", NULL, NULL },
		{ "550 blacklisted 198.51.100.256", NULL, NULL }, { "550 blacklisted 198.51.100.25.", "198.51.100.25", NULL },
		{ "550 client [198.51.100.25]:40112 is blacklisted", "198.51.100.25", NULL },
		{ "550 blacklisted ::", NULL, NULL }, { "550 blacklisted :::::::::", NULL, NULL }, { "550 blacklisted 12:34:56", NULL, NULL },
		{ "connect to mx.example[192.0.2.1]:25: Connection refused", NULL, NULL },
		{ "H=mx.example [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<a@b.example>: 550 5.7.1 blocked using bl.spamcop.net", NULL,
		    "https://www.spamcop.net/bl.shtml" },
		{ "** a@b.example R=dnslookup T=remote_smtp H=mx.example [192.0.2.1] X=TLS1.3:AES: SMTP error from remote mail server after end of data:"
		    " 554 5.7.1 198.51.100.25 is on our blacklist", "198.51.100.25", NULL },
		{ "H=mx.example [192.0.2.1]: SMTP error from remote mail server after initial connection: ", NULL, NULL },
		{ "550 25.100.51.198.zen.spamhaus.org listed", "198.51.100.25", "https://check.spamhaus.org/" },
		{ "550 25.100.51.198.bl.spamcop.net. listed", "198.51.100.25", "https://www.spamcop.net/bl.shtml?198.51.100.25" },
		{ "550 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.bl.hoster.example is listed", "2001:db8::1", NULL },
		{ "550 203.0.113.9 is listed (25.100.51.198.bl.hoster.example)", "203.0.113.9", NULL },
		{ "550 2.0.0.127.bl.hoster.example is listed", NULL, NULL }, { "550 256.100.51.198.bl.hoster.example is listed", NULL, NULL },
		{ "550 25.100.51.198.bl is listed", NULL, NULL }, { "550 1.25.100.51.198.bl.hoster.example is listed", NULL, NULL },
		{ "550 25.100.51.198.blade.hoster.example is listed", NULL, NULL }, { "550 0.0.8.b.d.0.1.0.0.2.bl.hoster.example is listed", NULL, NULL },
		{ "550 blacklisted http://", NULL, NULL }, { "550 blacklisted ://x", NULL, NULL },
	};
	struct replies *r = replies_new();
	struct arena a = { 0 };
	struct reply got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		reply_read(&got, r, t[i].text, &a);
		if ((got.address == NULL) != (t[i].address == NULL) || (got.address != NULL && strcmp(got.address, t[i].address) != 0))
			fail_msg("address %s: %s", got.address != NULL ? got.address : "none", t[i].text);
		if ((got.url == NULL) != (t[i].url == NULL) || (got.url != NULL && strcmp(got.url, t[i].url) != 0))
			fail_msg("url %s: %s", got.url != NULL ? got.url : "none", t[i].text);
	}
	arena_free(&a);
	replies_free(r);
}

/* Texts cut at every byte, and with every byte changed: an answer each time, and the same one twice. */
static void
test_damage(void **state)
{
	struct replies *r = replies_new();
	struct arena a = { 0 };
	struct reply one, two;
	char text[512];
	size_t i, k, n;

	(void)state;
	for (i = 0; i < COUNT(corpus); i++) {
		n = strlen(corpus[i].text);
		assert_true(n < sizeof text);
		for (k = 0; k <= n; k++) {
			arena_reset(&a);
			memcpy(text, corpus[i].text, n + 1);
			text[k] = '\0';
			reply_read(&one, r, text, &a);
			reply_read(&two, r, text, &a);
			assert_ptr_equal(one.row, two.row);
			assert_true(one.category < REPLY_CATEGORIES);
			memcpy(text, corpus[i].text, n + 1);
			if (k < n) {
				text[k] = (char)(0x80 | text[k]);
				reply_read(&one, r, text, &a);
				assert_true(one.category < REPLY_CATEGORIES);
			}
		}
	}
	arena_free(&a);
	replies_free(r);
}

/* A stranger's text may be long: what is behind the ceiling is not looked at, and time grows with the length alone. */
static void
test_long(void **state)
{
	static const char *const piece[] = { "1.2.3.", "::", "spam", "using ", "550-", "http://", "ip ", "<a@" };
	struct replies *r = replies_new();
	struct arena a = { 0 };
	struct reply got;
	size_t i, k, n = 1000000;
	char *text = malloc(n + 1);

	(void)state;
	assert_non_null(text);
	for (i = 0; i < COUNT(piece); i++) {
		for (k = 0; k < n; k++)
			text[k] = piece[i][k % strlen(piece[i])];
		text[n] = '\0';
		reply_read(&got, r, text, &a);
		assert_true(got.category < REPLY_CATEGORIES);
		assert_null(got.address);
	}
	free(text);
	arena_free(&a);
	replies_free(r);
}

static int
is_word_of(const char *word, const char *const *of, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(word, of[i]) == 0)
			return 1;
	return 0;
}

static void
test_table(void **state)
{
	static const char *const about[] = { "no", "ip", "domain", "url", "volume" };
	struct arena a = { 0 };
	size_t i, k;

	(void)state;
	assert_true(blocklists_count > 80);
	for (i = 0; i < blocklists_count; i++) {
		const struct blocklist *b = &blocklists[i];

		assert_true(is_word_of(b->category, reply_category_name, REPLY_CATEGORIES));
		assert_true(is_word_of(b->about, about, COUNT(about)));
		assert_non_null(b->match);
		assert_null(strchr(b->match, '$'));	/* groups were put in */
		assert_true(b->closed == NULL || strlen(b->closed) == 10);
		assert_true(b->url == NULL || strncmp(b->url, "http", 4) == 0 || strncmp(b->url, "mailto:", 7) == 0);
		for (k = 0; b->list != NULL && k < i; k++)
			assert_true(blocklists[k].list == NULL || strcmp(blocklists[k].list, b->list) != 0);
	}
	assert_string_equal(blocklist_named("sorbs")->closed, "2024-06-05");
	assert_null(blocklist_named("no such list"));
	assert_string_equal(blocklist_url(&a, blocklist_named("spamcop"), "192.0.2.1"), "https://www.spamcop.net/bl.shtml?192.0.2.1");
	assert_string_equal(blocklist_url(&a, blocklist_named("spameatingmonkey"), NULL), "https://spameatingmonkey.com/lookup/");
	assert_null(blocklist_url(&a, blocklist_named("sorbs"), "192.0.2.1"));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus), cmocka_unit_test(test_normal), cmocka_unit_test(test_address), cmocka_unit_test(test_damage),
		cmocka_unit_test(test_long), cmocka_unit_test(test_table)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
