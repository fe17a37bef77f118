/* The middle of a purge: what was taken goes into an archive, is read back and compared; only then is it VERIFIED. */
#include "index/purge_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 5		/* a file that an agent is just marking is archived again */

struct job {
	struct run *run;
	struct sys_dir *folder;
	struct arc *arc;
	const char *name;
	uint64_t files, bytes, messages;
	int delivered;
	int is_torn;			/* it has a part of a message that is left out */
};

/* ---- names ---- */

static const char *
archive_name(struct run *run, int again)
{
	char host[128], when[32], clean[128];
	time_t now = (time_t)(sys_now_us() / 1000000);
	struct tm tm;
	size_t i, n = 0;

	sys_hostname(host, sizeof host);
	for (i = 0; host[i] != '\0' && n + 1 < sizeof clean; i++)	/* a host's name is part of a file name here */
		if (strchr("/\\:*?\"<>|", host[i]) == NULL && (unsigned char)host[i] > ' ' && (unsigned char)host[i] < 0x7f)
			clean[n++] = host[i];
	clean[n] = '\0';
	if (sys_utc(&tm, (int64_t)now) < 0 || strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm) == 0)
		snprintf(when, sizeof when, "unknown-time");
	if (again == 0)
		return arena_fmt(&run->arena, "spoolsweep-%s-%s-plan%lld.tar.zst", clean, when, (long long)run->plan.id);
	return arena_fmt(&run->arena, "spoolsweep-%s-%s-plan%lld-%d.tar.zst", clean, when, (long long)run->plan.id, again);
}

const char *
run_part_path(struct arena *a, const struct item_part *p)
{
	return *p->dir != '\0' ? arena_fmt(a, "%s/%s", p->dir, p->name) : p->name;
}

/* ---- one message ---- */

int
run_in_delivery(struct run *run, const struct item_part *p, struct run_place *pl)
{
	struct sys_file f;
	struct sys_stat st;
	int rc;

	if (pl->sp->driver->in_delivery == NULL || strncmp(p->dir, "active", 6) != 0)
		return 0;
	if (run->patience_end == 0)	/* for all of them together: an agent does not wait for its neighbour either */
		run->patience_end = sys_clock_us() + run->opt->retry_busy_s * 1000000;
	for (;;) {
		if (sys_open_rw_at(&f, &st, pl->private, p->private) != 0)
			return 0;
		rc = pl->sp->driver->in_delivery(f);
		sys_close(&f);
		if (rc != EAGAIN || sys_clock_us() >= run->patience_end || run_should_stop(run))
			return rc == EAGAIN;
		sys_sleep_ms(200);
	}
}

/* What the message is now that nobody delivers it any more: nothing pending means that it was delivered meanwhile. */
static void
note_delivered(struct job *job, const struct item *it, const struct item_part *p, size_t n, struct run_place *pl)
{
	struct spool_item si;
	struct msg m;

	if (pl->sp->driver->in_delivery == NULL || strncmp(p->dir, "active", 6) != 0 || n == 0)
		return;
	memset(&si, 0, sizeof si);
	si.queue = "active";
	si.id = it->id;
	arena_reset(&job->run->message);
	part_add(&si.parts, PART_MESSAGE, arena_fmt(&job->run->message, "%s/%s", pl->shelf, pl->pl.folder), p->private);
	if (spool_read(&m, pl->r, &si, &job->run->message, NULL) == 0 && !m.is_taken_mid_way && m.pending == 0)
		job->delivered++;
}

/* 0, ARC_UNREAD (err; the archive is as it was), -1. */
static int
add_part(struct job *job, const struct item *it, struct item_part *p, struct run_place *pl, struct err *e)
{
	struct arena *a = &job->run->batch;
	const char *path = run_part_path(a, p);
	struct sys_file f;
	int rc = 1, try;

	for (try = 0; try < TRIES && rc == 1; try++) {
		rc = sys_open_at(&f, &p->st, pl->private, p->private);
		if (rc != 0) {
			err_set(e, rc, "open %s/%s of message %s", pl->path, p->private, it->id);
			return rc == EIO ? ARC_UNREAD : -1;
		}
		rc = arc_add(p->sha, job->arc, pl->archive_name, path, f, &p->st, e);
		sys_close(&f);
	}
	if (rc == 1)
		return err_set(e, 0, "%s/%s of message %s keeps changing while it is archived", pl->path, p->private, it->id);
	if (rc != 0)
		return rc;
	p->has_sha = 1;
	job->files++;
	job->bytes += p->st.size;
	return 0;
}

static int
add_json(struct job *job, const struct item *it, const struct item_part *p, size_t n, struct run_place *pl, struct err *e)
{
	size_t len = strlen(it->json);
	struct arc_part part[PART_MAX];
	struct buf b;
	size_t i;
	int rc;

	if (len < 2 || it->json[len - 1] != '}')
		return err_set(e, 0, "the journal is damaged: message %s", it->id);
	for (i = 0; i < n; i++) {
		memset(&part[i], 0, sizeof part[i]);
		part[i].role = part_role_name(p[i].role);
		part[i].path = run_part_path(&job->run->batch, &p[i]);
		part[i].size = p[i].st.size;
		part[i].mode = p[i].st.mode;
		part[i].uid = p[i].st.uid;
		part[i].gid = p[i].st.gid;
		part[i].mtime = p[i].st.mtime;
		memcpy(part[i].sha, p[i].sha, ARC_SHA256);
	}
	buf_init(&b, (size_t)256 << 20);
	arc_message_json(&b, it->json, len, pl->archive_name, part, n);
	rc = b.cut ? err_set(e, 0, "the description of message %s is too large", it->id) : arc_message(job->arc, buf_cstr(&b), e);
	buf_free(&b);
	job->messages++;
	return rc;
}

/* A bad sector must not keep the others out of the archive: the message stays where it is, as one that its MTA delivers does. */
static void
leave_out(struct job *job, struct work *w, const struct err *why)
{
	w->state = ITEM_FAILED;
	w->why = arena_fmt(&job->run->batch, "%s: kept in the private folder, purge --undo %lld puts it back", why->text,
	    (long long)job->run->plan.id);
}

/* w->state tells what became of it; w->is_noted: the journal lacks nothing of its files but the digests. */
static int
add_message(struct job *job, struct work *w, struct err *e)
{
	struct run *run = job->run;
	struct sys_stat st;
	size_t k;
	int rc;

	if (w->n == 0)
		return err_set(e, 0, "the journal is damaged: message %s was taken, but no file of it is known", w->it.id);
	if (run_in_delivery(run, &w->part[0], w->pl)) {
		run->out->in_delivery++;
		w->state = ITEM_BUSY;
		w->why = "in delivery when it was taken: kept in the private folder, --resume archives it";
		return 0;
	}
	w->is_noted = 1;
	for (k = 0; k < w->n; k++) {
		st = w->part[k].st;
		rc = add_part(job, &w->it, &w->part[k], w->pl, e);
		if (rc == ARC_UNREAD) {
			leave_out(job, w, e);
			job->is_torn = k != 0;
		}
		if (rc != 0)
			return rc < 0 ? -1 : 0;
		w->is_noted = w->is_noted && run_is_same_file(&st, &w->part[k].st) && st.ctime == w->part[k].st.ctime;
	}
	note_delivered(job, &w->it, w->part, w->n, w->pl);
	if (add_json(job, &w->it, w->part, w->n, w->pl, e) < 0)
		return -1;
	w->state = ITEM_ARCHIVED;
	w->why = NULL;
	return 0;
}

/* ---- the whole archive ---- */

static int
note_parts(struct run *run, const struct work *w, struct err *e)
{
	size_t k;
	int rc = 0;

	for (k = 0; k < w->n && rc == 0 && w->state == ITEM_ARCHIVED; k++)
		rc = w->is_noted ? journal_part_sha(run->j, run->plan.id, w->it.n, k, w->part[k].sha, e) :
		    journal_part_put(run->j, run->plan.id, w->it.n, k, &w->part[k], e);
	return rc;
}

static int
note_batch(struct run *run, const struct work *w, size_t n, struct err *e)
{
	size_t i;
	int rc = journal_begin(run->j, e);

	if (rc == 0)
		rc = run_save_states(run, w, n, e);
	for (i = 0; rc == 0 && i < n; i++)
		rc = note_parts(run, &w[i], e);
	if (rc == 0)
		return journal_commit(run->j, e);
	journal_rollback(run->j);
	return -1;
}

static int
write_messages(struct job *job, uint64_t all, struct err *e)
{
	struct run *run = job->run;
	struct work *w = mem_new(RUN_BATCH * sizeof *w);
	int64_t last = -1;
	uint64_t done = 0;
	size_t n = RUN_BATCH, i;
	int rc = 0;

	while (rc == 0 && n == RUN_BATCH && !job->is_torn && !run_should_stop(run)) {
		rc = run_load(run, w, &n, &last, 1u << ITEM_TAKEN, e);
		for (i = 0; rc == 0 && i < n && !job->is_torn && !run_should_stop(run); i++)
			rc = add_message(job, &w[i], e);
		if (rc == 0 && i != 0)
			rc = note_batch(run, w, i, e);
		done += n;
		run_progress(run, "archive", done, all);
	}
	free(w);
	return rc;
}

static int
write_info(struct job *job, struct err *e)
{
	struct run *run = job->run;
	char host[256], text[64];
	size_t i;
	int rc;

	snprintf(text, sizeof text, "%lld", (long long)run->plan.id);
	rc = arc_info(job->arc, "Contact-Name", run->plan.who, e);
	if (rc == 0)
		rc = arc_info(job->arc, "Spoolsweep-Host", sys_hostname(host, sizeof host), e);
	if (rc == 0)
		rc = arc_info(job->arc, "Spoolsweep-Plan", text, e);
	if (rc == 0)
		rc = arc_info(job->arc, "Spoolsweep-Selection", run->plan.selection, e);
	for (i = 0; rc == 0 && i < run->nplace; i++)
		rc = arc_info(job->arc, "Spoolsweep-Spool", arena_fmt(&run->arena, "%s %s:%s", run->place[i].archive_name,
		    run->place[i].pl.kind, run->place[i].pl.root), e);
	return rc;
}

struct first_problem {
	char text[300];
};

static void
keep_first(void *arg, const char *text)
{
	struct first_problem *p = arg;

	if (p->text[0] == '\0')
		snprintf(p->text, sizeof p->text, "%s", text);
}

int
run_verify_file(struct arc_report *rep, struct sys_dir *folder, const char *name, struct err *e)
{
	struct first_problem p = { "" };

	if (arc_verify(rep, folder, name, keep_first, &p, e) < 0)
		return -1;
	if (rep->problems != 0)
		return err_set(e, 0, "archive %s is not whole: %s (%llu findings)", name, p.text, (unsigned long long)rep->problems);
	return 0;
}

int
run_note_archive(struct run *run, const char *path, const struct arc_report *rep, struct err *e)
{
	if (journal_begin(run->j, e) < 0)
		return -1;
	if (journal_plan_archive(run->j, run->plan.id, path, (int64_t)rep->size, rep->sha, e) < 0 ||
	    journal_items_move(run->j, run->plan.id, ITEM_ARCHIVED, ITEM_VERIFIED, path, e) < 0 ||
	    journal_plan_state(run->j, run->plan.id, PLAN_VERIFIED, e) < 0 || journal_commit(run->j, e) < 0) {
		journal_rollback(run->j);
		return -1;
	}
	run->plan.archive = path;
	run->verified = 1;
	return 0;
}

/* Publishes a proven archive and says so in the journal, in this order: a name without a word in the journal is found again by a resume
 * (run_adopt), a word without a name never exists. */
static int
publish(struct job *job, const struct arc_report *rep, struct err *e)
{
	struct run *run = job->run;

	if (arc_publish(job->folder, job->name, e) < 0)
		return -1;
	return run_note_archive(run, arena_fmt(&run->arena, "%s/%s", run->opt->archive_dir, job->name), rep, e);
}

/* What was written is of no use: it has a part of a message that is not in it. */
static int
begin_anew(struct job *job, struct err *e)
{
	arc_close(job->arc);
	job->arc = NULL;
	job->files = job->bytes = job->messages = 0;
	job->delivered = job->is_torn = 0;
	return journal_items_move(job->run->j, job->run->plan.id, ITEM_ARCHIVED, ITEM_TAKEN, NULL, e) < 0 ? -1 : 1;
}

/* 0, 1 once more (without a message that it met), -1. */
static int
make_archive(struct job *job, uint64_t all, struct err *e)
{
	struct run *run = job->run;
	struct arc_options o = { (int)run->plan.level, run->opt->threads };
	struct arc_report rep;

	if (arc_create(&job->arc, job->folder, job->name, &o, e) < 0 || write_messages(job, all, e) < 0)
		return -1;
	if (run_should_stop(run))
		return err_set(e, 0, "stopped");
	if (job->is_torn)
		return begin_anew(job, e);
	run->out->delivered += job->delivered;
	if (job->messages == 0) {	/* all are still in delivery, or cannot be read */
		arc_close(job->arc);
		job->arc = NULL;
		return arc_discard(job->folder, job->name, e);
	}
	if (write_info(job, e) < 0 || arc_finish(job->arc, e) < 0)
		return -1;
	arc_close(job->arc);
	job->arc = NULL;
	run_progress(run, "verify", 0, all);
	if (run_verify_file(&rep, job->folder, arena_fmt(&run->arena, ".%s.tmp", job->name), e) < 0)
		return -1;
	if (rep.files != job->files || rep.bytes != job->bytes || rep.messages != job->messages)
		return err_set(e, 0, "archive %s has %llu files, %llu were archived", job->name, (unsigned long long)rep.files,
		    (unsigned long long)job->files);
	return publish(job, &rep, e);
}

static int
taken(struct run *run, uint64_t *n, struct err *e)
{
	struct plan p;

	if (journal_plan(&p, run->j, run->plan.id, &run->arena, e) != 1)
		return -1;
	*n = (uint64_t)p.count[ITEM_TAKEN];
	return 0;
}

/* The temporary files of an archive that never got its name go, in the folder that it was meant for. */
static int
discard_unfinished(const struct plan *p, struct err *e)
{
	struct sys_dir *folder = NULL;
	const char *name;
	char *dir = sys_parent(p->archive, &name);
	int rc = sys_dir_open(&folder, dir, e);

	if (rc == 0)
		rc = arc_discard(folder, name, e);
	else if (e->sys == ENOENT)
		rc = 0;
	sys_dir_close(folder);
	free(dir);
	return rc;
}

static int
is_in(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}

/* What such an archive held is archived anew. A folder that cannot be opened any more keeps nobody from archiving into another; but the
 * journal remembers one name only, and forgets the old one for it. */
static int
forget_unfinished(struct run *run, struct err *e)
{
	struct err why = { 0, "" };
	struct plan p;

	if (journal_plan(&p, run->j, run->plan.id, &run->arena, e) != 1)
		return -1;
	if (p.archive != NULL && !p.has_sha && discard_unfinished(&p, &why) < 0) {
		if (is_in(run->opt->archive_dir, p.archive))
			return err_set(e, 0, "%s", why.text);
		snprintf(run->out->note, sizeof run->out->note, "what was begun of %.300s stays there", p.archive);
	}
	return journal_items_move(run->j, run->plan.id, ITEM_ARCHIVED, ITEM_TAKEN, NULL, e);
}

void
run_drop_unfinished(struct run *run)
{
	struct err e = { 0, "" };
	struct plan p;

	if (journal_plan(&p, run->j, run->plan.id, &run->arena, &e) == 1 && p.archive != NULL && !p.has_sha && discard_unfinished(&p, &e) < 0)
		snprintf(run->out->note, sizeof run->out->note, "%.100s: what was begun of %.250s stays there", e.text, p.archive);
}

int
run_archive(struct run *run, struct err *e)
{
	struct job job = { .run = run };
	struct sys_stat st;
	uint64_t all;
	int rc = -1, again = 0;

	if (sys_dir_open(&job.folder, run->opt->archive_dir, e) < 0 || forget_unfinished(run, e) < 0 ||
	    taken(run, &all, e) < 0)
		goto out;
	rc = 0;
	if (all == 0)
		goto out;
	do
		job.name = archive_name(run, again++);
	while (sys_stat_at(&st, job.folder, job.name) == 0 && again < 1000);
	/* Its name stands in the journal before the first byte, so that a resume finds what a kill left. */
	rc = journal_plan_archive(run->j, run->plan.id, arena_fmt(&run->arena, "%s/%s", run->opt->archive_dir, job.name), -1, NULL, e);
	if (rc == 0)
		while ((rc = make_archive(&job, all, e)) == 1)
			continue;
out:
	arc_close(job.arc);
	sys_dir_close(job.folder);
	return rc;
}

int
run_verify(struct run *run, struct err *e)
{
	const char *name;
	char *dir;
	struct sys_dir *folder = NULL;
	struct arc_report rep;
	int rc = -1;

	if (run->plan.archive == NULL || !run->plan.has_sha)
		return err_set(e, 0, "the journal is damaged: plan %lld has no archive", (long long)run->plan.id);
	dir = sys_parent(run->plan.archive, &name);
	if (sys_dir_open(&folder, dir, e) == 0 && run_verify_file(&rep, folder, name, e) == 0)
		rc = memcmp(rep.sha, run->plan.sha, ARC_SHA256) == 0 ? 0 :
		    err_set(e, 0, "archive %s is not the one that this plan made", run->plan.archive);
	sys_dir_close(folder);
	free(dir);
	run->verified = rc == 0;
	return rc;
}

/* ---- before anything is taken ---- */

static int
is_below(const char *path, const char *root)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The folder, or the nearest above it that is there, without links; NULL none is. */
static char *
real_above(struct arena *a, const char *path)
{
	char *real, *up;
	const char *name;
	int is_last = 0;

	while ((real = sys_realpath(path, NULL)) == NULL && !is_last) {
		up = sys_parent(path, &name);
		is_last = strcmp(up, path) == 0;
		path = arena_str(a, up);
		free(up);
	}
	return real;
}

/* Asked before the folder is made: a refusal leaves nothing behind in a spool. */
static int
check_outside(struct journal *j, const struct plan *p, const char *dir, struct arena *a, struct err *e)
{
	struct place pl;
	char *real = real_above(a, dir);
	int64_t n;
	int rc;

	for (n = 0; (rc = journal_place(&pl, j, p->id, n, a, e)) == 1; n++)
		if (real != NULL && is_below(real, pl.root)) {
			rc = err_set(e, 0, "the archive folder %s lies in the spool %s: name another with --archive DIR", dir, pl.root);
			break;
		}
	free(real);
	return rc;
}

static int
check_places(struct journal *j, const struct plan *p, const char *dir, const struct purge_options *opt, struct arena *a,
    struct err *e)
{
	struct spool *sp;
	struct place pl;
	int64_t n;
	int rc;

	for (n = 0; (rc = journal_place(&pl, j, p->id, n, a, e)) == 1; n++) {
		if (dir != NULL && is_below(dir, pl.root))
			return err_set(e, 0, "the archive folder %s lies in the spool %s: name another with --archive DIR", dir, pl.root);
		if (spool_open(&sp, arena_fmt(a, "%s:%s", pl.kind, pl.root), NULL, e) != 0)
			return -1;
		rc = sp->driver->service != NULL && !opt->live && !opt->stops_service ? sp->driver->running(sp) : 0;
		spool_close(sp);
		if (rc == 1)
			return err_set(e, 0, "SmarterMail runs, and what it does when a pair vanishes is not known: --stop-service stops its"
			    " service meanwhile, --live goes on all the same");
	}
	return rc;
}

/* The folder itself must outlive a power cut: its name, and those above it that may have been made with it, are written out. */
static int
sync_above(const char *path, struct err *e)
{
	struct sys_dir *d;
	const char *name;
	char *at = sys_realpath(path, e), *up;
	int rc = at != NULL ? 0 : -1;

	while (rc == 0 && !sys_path_is_top(at)) {
		up = sys_parent(at, &name);
		if (sys_dir_open(&d, up, e) == 0) {
			rc = sys_sync_dir(d);
			sys_dir_close(d);
			if (rc != 0)
				rc = err_set(e, rc, "write the folder %s", up);
		} else if (e->sys != EACCES) {	/* what we may not open has got no new name from us */
			rc = -1;
		}
		free(at);
		at = up;
	}
	free(at);
	return rc;
}

static int
check_archive(const char *path, uint64_t need, struct err *e)
{
	struct sys_dir *d = NULL;
	struct sys_file f = SYS_FILE_CLOSED;
	struct sys_stat st;
	uint64_t space = 0;
	int rc;

	if (sys_make_path(path, e) < 0 || sys_dir_open(&d, path, e) < 0 || sys_dir_stat(&st, d, e) < 0) {
		sys_dir_close(d);
		return err_wrap(e, "archive folder (--archive DIR names another)");
	}
	rc = (st.mode & 077) != 0 ? err_set(e, 0, "the archive folder %s is open to other users: %s, or name another with"
	    " --archive DIR", path, sys_how_private()) : 0;
	(void)sys_unlink(d, ".spoolsweep-try");	/* of a run that was killed here */
	if (rc == 0 && (rc = sys_create_at(&f, d, ".spoolsweep-try", 0600)) != 0)
		rc = err_set(e, rc, "write into the archive folder %s (--archive DIR names another)", path);
	else if (rc == 0) {
		sys_close(&f);
		rc = sys_unlink(d, ".spoolsweep-try") != 0 || sys_space(&space, d) != 0 ?
		    err_set(e, EIO, "look at the archive folder %s", path) : 0;
	}
	if (rc == 0)
		rc = sync_above(path, e);
	if (rc == 0 && space < need)
		rc = err_set(e, 0, "the archive may need %llu MiB and %s has %llu MiB free: --archive DIR names another disk;"
		    " \"hold --execute\" needs no archive", (unsigned long long)(need >> 20) + 1, path, (unsigned long long)(space >> 20));
	sys_dir_close(d);
	return rc == 0 ? 0 : -1;
}

/* What the files of an archive of this plan that is not noted yet take up: it is used, or goes before a new one is written. */
static uint64_t
unfinished_size(const struct plan *p, struct arena *a)
{
	struct sys_dir *folder = NULL;
	struct sys_stat st;
	struct err why;
	const char *name;
	char *dir;
	uint64_t n = 0;

	if (p->archive == NULL || p->has_sha)
		return 0;
	err_clear(&why);
	dir = sys_parent(p->archive, &name);
	if (sys_dir_open(&folder, dir, &why) == 0) {
		if (sys_stat_at(&st, folder, name) == 0)
			n += st.size;
		if (sys_stat_at(&st, folder, arena_fmt(a, ".%s.tmp", name)) == 0)
			n += st.size;
	}
	sys_dir_close(folder);
	free(dir);
	return n;
}

int
purge_check(struct journal *j, int64_t id, uint64_t need, const struct purge_options *opt, struct err *e)
{
	struct arena a = { 0 };
	struct plan p;
	char *real = NULL;
	uint64_t there;
	int rc = journal_plan(&p, j, id, &a, e);

	if (rc == 0)
		rc = err_set(e, 0, "there is no plan %lld", (long long)id);
	there = rc == 1 ? unfinished_size(&p, &a) : 0;
	need = there < need ? need - there : 0;
	if (rc == 1 && p.kind == PLAN_PURGE && check_outside(j, &p, opt->archive_dir, &a, e) < 0)
		rc = -1;
	if (rc == 1 && p.kind == PLAN_PURGE)
		rc = check_archive(opt->archive_dir, need, e) == 0 && (real = sys_realpath(opt->archive_dir, e)) != NULL ? 1 : -1;
	if (rc == 1)
		rc = check_places(j, &p, real, opt, &a, e);
	free(real);
	arena_free(&a);
	return rc < 0 ? -1 : 0;
}
