/*
 * The schema, one step a version. A step that was released is never edited:
 * a change is a new step. Columns of the views only grow.
 */
#include "index/index.h"

/* Texts that repeat (senders, subjects, replies …) stand once in `text`; message and recipient rows hold their numbers. */
static const char step1[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
    "CREATE TABLE spool("
    " id INTEGER PRIMARY KEY, kind TEXT NOT NULL, root TEXT NOT NULL, UNIQUE(kind, root)) STRICT;"
    "CREATE TABLE scan("
    " id INTEGER PRIMARY KEY, spool INTEGER NOT NULL REFERENCES spool,"
    " started INTEGER NOT NULL, finished INTEGER NOT NULL,"		/* microseconds since 1970, UTC */
    " messages INTEGER, new INTEGER, changed INTEGER, unchanged INTEGER, gone INTEGER,"
    " damaged INTEGER, orphans INTEGER, files INTEGER, bytes INTEGER, seconds REAL NOT NULL,"
    " unknown TEXT NOT NULL, timezone TEXT,"				/* unknown: JSON array of queues */
    " totals INTEGER REFERENCES scan) STRICT;"				/* the scan whose totals still hold */
    "CREATE INDEX scan_spool ON scan(spool, id);"
    "CREATE TABLE account("
    " id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, domain TEXT,"
    " UNIQUE(kind, key)) STRICT;"
    "CREATE TABLE text(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, text TEXT NOT NULL) STRICT;"
    "CREATE INDEX text_hash ON text(hash);"
    "CREATE TABLE message("
    " id INTEGER PRIMARY KEY,"
    " fp INTEGER NOT NULL,"						/* keyed fingerprint of place and identities */
    " gone_scan INTEGER REFERENCES scan,"				/* NULL: in the spool */
    " spool INTEGER NOT NULL REFERENCES spool,"
    " account INTEGER REFERENCES account,"
    " spelling INTEGER,"						/* text: the account as this message has it, NULL: account.name */
    " arrived INTEGER, arrived_fraction INTEGER NOT NULL,"		/* microseconds since 1970, UTC */
    " state TEXT NOT NULL,"
    " recipients INTEGER, pending INTEGER, size INTEGER,"
    " sender INTEGER, sender_domain INTEGER,"
    " client INTEGER, subject INTEGER,"
    " script INTEGER, script_path INTEGER,"
    " reason INTEGER, list_id INTEGER,"
    " is_report INTEGER NOT NULL,"
    " queue INTEGER NOT NULL,"
    " qid TEXT NOT NULL, path BLOB NOT NULL,"				/* path: bytes, main file below the root */
    " inode INTEGER,"
    " client_name INTEGER, helo INTEGER, protocol INTEGER,"
    " local_user INTEGER, uid INTEGER,"
    " \"from\" INTEGER, reply_to INTEGER, mailer INTEGER,"
    " message_id TEXT, date TEXT,"
    " damage TEXT, notes TEXT,"						/* JSON arrays, NULL when empty */
    " new_scan INTEGER NOT NULL REFERENCES scan) STRICT;"
    "CREATE TABLE recipient("
    " message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"						/* 0 pending, 1 done, 2 removed */
    " address TEXT NOT NULL, domain INTEGER, reply INTEGER,"
    " PRIMARY KEY(message, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE total("
    " scan INTEGER NOT NULL REFERENCES scan, what TEXT NOT NULL,"	/* queue, account, domain */
    " kind TEXT NOT NULL, key TEXT NOT NULL,"
    " messages INTEGER NOT NULL, bytes INTEGER NOT NULL, recipients INTEGER NOT NULL,"
    " PRIMARY KEY(scan, what, kind, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE idn("							/* the two spellings of each IDN domain met */
    " domain TEXT PRIMARY KEY, unicode TEXT NOT NULL, ascii TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE VIEW v_account AS SELECT"
    " a.name AS account, a.kind AS kind, a.domain AS domain, count(m.id) AS messages,"
    " sum(m.recipients) AS recipients, sum(m.size) AS bytes,"
    " count(DISTINCT m.sender) AS senders, count(DISTINCT m.client) AS clients,"
    " sum(m.state = 'deferred') AS deferred,"
    " strftime('%Y-%m-%dT%H:%M:%SZ', min(m.arrived) / 1000000, 'unixepoch') AS first,"
    " strftime('%Y-%m-%dT%H:%M:%SZ', max(m.arrived) / 1000000, 'unixepoch') AS last"
    " FROM message m LEFT JOIN account a ON a.id = m.account WHERE m.gone_scan IS NULL GROUP BY m.account;"
    "CREATE VIEW v_domain AS SELECT"
    " coalesce(a.domain, sd.text) AS domain,"
    " coalesce(i.unicode, a.domain, sd.text) AS domain_unicode, coalesce(i.ascii, a.domain, sd.text) AS domain_ascii,"
    " count(*) AS messages, count(DISTINCT m.account) AS accounts,"
    " sum(m.recipients) AS recipients, sum(m.size) AS bytes"
    " FROM message m LEFT JOIN account a ON a.id = m.account LEFT JOIN text sd ON sd.id = m.sender_domain"
    " LEFT JOIN idn i ON i.domain = coalesce(a.domain, sd.text)"
    " WHERE m.gone_scan IS NULL GROUP BY 1;";

/* For the health check: when an account was first met, what a scan that was cut short has read, and which state was last told. */
static const char step2[] =
    "ALTER TABLE account ADD COLUMN first_seen INTEGER;"			/* microseconds since 1970, UTC: start of that scan */
    "UPDATE account SET first_seen = (SELECT min(s.started) FROM total t JOIN scan s ON s.id = t.scan"
    "  WHERE t.what = 'account' AND t.kind = account.kind AND t.key = account.key);"
    "CREATE TABLE unfinished("						/* a scan that was cut short */
    " spool INTEGER PRIMARY KEY REFERENCES spool, format INTEGER NOT NULL, timezone TEXT, started INTEGER NOT NULL) STRICT;"
    "CREATE TABLE staged("						/* and the messages that it had read: not published */
    " id INTEGER PRIMARY KEY, spool INTEGER NOT NULL REFERENCES unfinished ON DELETE CASCADE,"
    " fp INTEGER NOT NULL, record BLOB NOT NULL, UNIQUE(spool, fp)) STRICT;"
    "CREATE TABLE alert("						/* the last state of a health check, by the spools it was about */
    " about TEXT PRIMARY KEY, state INTEGER NOT NULL, since INTEGER NOT NULL, told INTEGER) STRICT, WITHOUT ROWID;";

/* What the bodies of messages say, when they were read ("scan --contents"). */
static const char step3[] =
    "ALTER TABLE message ADD COLUMN contents INTEGER NOT NULL DEFAULT 0;"	/* 0 not read, 1 read, 2 read up to a limit */
    "ALTER TABLE message ADD COLUMN body_limit INTEGER;"			/* --max-body of that reading, bytes */
    "ALTER TABLE message ADD COLUMN body_notes TEXT;"			/* JSON array, NULL when empty */
    "CREATE TABLE part("							/* MIME entities in order; texts by number */
    " message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE, seq INTEGER NOT NULL, depth INTEGER NOT NULL,"
    " type INTEGER NOT NULL, name INTEGER, charset INTEGER, encoding INTEGER, disposition INTEGER,"
    " is_attachment INTEGER NOT NULL, detected INTEGER, size INTEGER, sha256 BLOB,"
    " PRIMARY KEY(message, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE url("							/* hosts of URLs, each once a message */
    " message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE, host INTEGER NOT NULL,"
    " PRIMARY KEY(message, host)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE host("							/* host: the number of its text */
    " host INTEGER PRIMARY KEY, domain INTEGER, is_shortener INTEGER NOT NULL) STRICT;"
    "CREATE VIEW v_part AS SELECT"
    " p.message AS row, p.seq AS seq, p.depth AS depth, t.text AS type, n.text AS name, c.text AS charset, en.text AS encoding,"
    " di.text AS disposition, p.is_attachment AS is_attachment, d.text AS detected, p.size AS size, nullif(lower(hex(p.sha256)), '') AS sha256"
    " FROM part p JOIN text t ON t.id = p.type LEFT JOIN text n ON n.id = p.name LEFT JOIN text c ON c.id = p.charset"
    " LEFT JOIN text en ON en.id = p.encoding LEFT JOIN text di ON di.id = p.disposition LEFT JOIN text d ON d.id = p.detected;"
    "CREATE VIEW v_url AS SELECT"
    " u.message AS row, t.text AS host, d.text AS domain, h.is_shortener AS is_shortener"
    " FROM url u JOIN text t ON t.id = u.host JOIN host h ON h.host = u.host LEFT JOIN text d ON d.id = h.domain;"
    "DROP VIEW IF EXISTS v_message;"						/* of the first version: without contents and the notes of the body */
    "CREATE VIEW v_message AS SELECT"
    " m.id AS row, sp.root AS spool, sp.kind AS kind, q.text AS queue, m.qid AS id,"
    " coalesce(an.text, a.name) AS account, a.kind AS account_kind, a.domain AS domain,"
    " s.text AS sender, sd.text AS sender_domain,"
    " c.text AS client, cn.text AS client_name, h.text AS helo, pr.text AS protocol,"
    " lu.text AS local_user, m.uid AS uid, scr.text AS script, scp.text AS script_path,"
    " CASE WHEN m.arrived_fraction THEN strftime('%Y-%m-%dT%H:%M:%S', m.arrived / 1000000, 'unixepoch')"
    "  || printf('.%06dZ', m.arrived % 1000000)"
    "  ELSE strftime('%Y-%m-%dT%H:%M:%SZ', m.arrived / 1000000, 'unixepoch') END AS arrived,"
    " m.arrived / 1000000.0 AS arrived_unix,"
    " m.size AS size, m.recipients AS recipients, m.pending AS pending,"
    " f.text AS \"from\", su.text AS subject, m.message_id AS message_id, m.date AS date,"
    " rt.text AS reply_to, ml.text AS mailer, li.text AS list_id, m.is_report AS is_report,"
    " CASE WHEN m.gone_scan IS NULL THEN m.state ELSE 'gone' END AS state, r.text AS reason,"
    " coalesce(m.damage, '[]') AS damage, " INDEX_NOTES " AS notes,"
    " m.new_scan AS new_scan, m.gone_scan AS gone_scan,"
    " CASE m.contents WHEN 1 THEN 'read' WHEN 2 THEN 'partly' ELSE 'not' END AS contents"
    " FROM message m JOIN spool sp ON sp.id = m.spool"
    " LEFT JOIN text q ON q.id = m.queue LEFT JOIN account a ON a.id = m.account"
    " LEFT JOIN text an ON an.id = m.spelling"
    " LEFT JOIN text s ON s.id = m.sender LEFT JOIN text sd ON sd.id = m.sender_domain"
    " LEFT JOIN text c ON c.id = m.client LEFT JOIN text cn ON cn.id = m.client_name"
    " LEFT JOIN text h ON h.id = m.helo LEFT JOIN text pr ON pr.id = m.protocol"
    " LEFT JOIN text lu ON lu.id = m.local_user LEFT JOIN text scr ON scr.id = m.script"
    " LEFT JOIN text scp ON scp.id = m.script_path LEFT JOIN text f ON f.id = m.\"from\""
    " LEFT JOIN text su ON su.id = m.subject LEFT JOIN text rt ON rt.id = m.reply_to"
    " LEFT JOIN text ml ON ml.id = m.mailer LEFT JOIN text li ON li.id = m.list_id"
    " LEFT JOIN text r ON r.id = m.reason;";

/* Campaigns: what each body leaves behind to be compared (campaign.h), once for its copies of one run, and the number of its campaign. */
static const char step4[] =
    "ALTER TABLE message ADD COLUMN body_flags INTEGER NOT NULL DEFAULT 0;"	/* 1 an attachment lies, 2 a shortener */
    "ALTER TABLE message ADD COLUMN print INTEGER;"
    "UPDATE message SET contents = 0;"						/* bodies that were read without are read again */
    "CREATE TABLE print(id INTEGER PRIMARY KEY, print BLOB NOT NULL, campaign INTEGER) STRICT;"
    "CREATE VIEW v_campaign AS SELECT m.id AS row, printf('%012x', p.campaign) AS campaign"
    " FROM message m JOIN print p ON p.id = m.print WHERE p.campaign IS NOT NULL;";

/* What other servers said, as reports of this server's own tell it: Exim freezes those that it cannot deliver. Bodies of reports are read once more. */
static const char step5[] =
    "CREATE TABLE body_reply("						/* in the order of the report */
    " message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " address TEXT, domain INTEGER, reply INTEGER NOT NULL,"
    " PRIMARY KEY(message, seq)) STRICT, WITHOUT ROWID;"
    "UPDATE message SET contents = 0 WHERE is_report;";

/* What health checks found out, for the next one that has no time to look: by spool and name of the check. */
static const char step6[] =
    "CREATE TABLE judged("
    " kind TEXT NOT NULL, root TEXT NOT NULL, name TEXT NOT NULL,"
    " scan INTEGER NOT NULL,"						/* the newest of this spool at that time, 0 none */
    " is_known INTEGER NOT NULL,"					/* 0: a lower bound */
    " value REAL NOT NULL, why TEXT, at INTEGER NOT NULL,"		/* microseconds since 1970, UTC */
    " account_kind TEXT, account TEXT, messages INTEGER NOT NULL, seconds INTEGER NOT NULL, usual INTEGER NOT NULL,"	/* -1 not known */
    " PRIMARY KEY(kind, root, name)) STRICT, WITHOUT ROWID;";

/* Made after a first bulk load (scan.c), and here for all that follow. */
static const char *const steps[INDEX_VERSION] = { step1, step2, step3, step4, step5, step6 };

int
schema_upgrade(struct index *ix, int from, struct err *e)
{
	char version[64];
	int v;

	for (v = from; v < INDEX_VERSION; v++)
		if (index_exec(ix, steps[v], e) < 0)
			return err_wrap(e, "schema step %d", v + 1);
	sqlite3_snprintf((int)sizeof version, version, "PRAGMA user_version = %d", INDEX_VERSION);
	return index_exec(ix, version, e);
}
