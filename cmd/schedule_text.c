#include "cmd/schedule_text.h"

#include <string.h>

#define STATE "/var/lib/spoolsweep"
#define DEFAULTS "/etc/default/spoolsweep"

static const char generated[] = "# Made by \"spoolsweep schedule\". Options of the check: SPOOLSWEEP_CHECK_OPTIONS in " DEFAULTS ".\n";

/* ---- systemd ---- */

/* One word of a command in a unit (systemd.service(5), "Command lines"; specifiers and variables are doubled). */
static void
unit_word(struct buf *b, const char *s)
{
	buf_byte(b, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_byte(b, '\\');
		if (*s == '%' || *s == '$')
			buf_byte(b, *s);
		buf_byte(b, *s);
	}
	buf_byte(b, '"');
}

static void
folder_of(struct buf *b, const char *path)
{
	const char *slash = strrchr(path, '/');

	buf_add(b, path, slash == NULL || slash == path ? 1 : (size_t)(slash - path));
}

/* A folder that stays writable; "-": it need not be there. */
static void
writable(struct buf *b, const char *path)
{
	struct buf dir;

	if (path == NULL)
		return;
	buf_init(&dir, 8192);
	buf_byte(&dir, '-');
	folder_of(&dir, path);
	buf_puts(b, "ReadWritePaths=");
	unit_word(b, buf_cstr(&dir));
	buf_byte(b, '\n');
	buf_free(&dir);
}

static void
check_service(struct buf *b, const struct schedule *s)
{
	buf_puts(b, generated);
	buf_puts(b, "[Unit]\nDescription=Health check of the mail spools\nDocumentation=man:spoolsweep(1)\n\n[Service]\nType=oneshot\n"
	    "EnvironmentFile=-" DEFAULTS "\nExecStart=");
	unit_word(b, s->program);
	if (s->index != NULL) {
		buf_puts(b, " --index ");
		unit_word(b, s->index);
	}
	buf_puts(b, " check --timeout 4m");
	if (s->metrics != NULL) {
		buf_puts(b, " --metrics ");
		unit_word(b, s->metrics);
	}
	/* The command itself may need what this unit may not: sendmail is set-gid, a webhook needs the network. */
	buf_puts(b, " --on-alert \"cat >" STATE "/alert.json && echo SPOOLSWEEP_STATE=$$SPOOLSWEEP_STATE >" STATE "/alert.env &&"
	    " systemctl --no-block start spoolsweep-alert.service\" $SPOOLSWEEP_CHECK_OPTIONS\n"
	    "# WARNING, CRITICAL and UNKNOWN are answers, not failures of the unit\n"
	    "SuccessExitStatus=1 2 3\nTimeoutStartSec=10min\nNice=10\nIOSchedulingClass=idle\n"
	    "StateDirectory=spoolsweep\nStateDirectoryMode=0700\nUMask=0077\n");
	writable(b, s->index);
	writable(b, s->metrics);
	buf_puts(b, "ProtectSystem=strict\nProtectHome=read-only\nPrivateTmp=yes\nPrivateDevices=yes\nPrivateNetwork=yes\n"
	    "NoNewPrivileges=yes\nCapabilityBoundingSet=CAP_DAC_READ_SEARCH\nRestrictAddressFamilies=AF_UNIX\n"
	    "SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources\nSystemCallFilter=setpriority ioprio_set\n"
	    "SystemCallErrorNumber=EPERM\nSystemCallArchitectures=native\n"
	    "ProtectKernelTunables=yes\nProtectKernelModules=yes\nProtectKernelLogs=yes\nProtectControlGroups=yes\nProtectClock=yes\n"
	    "ProtectHostname=yes\nLockPersonality=yes\nRestrictRealtime=yes\nRestrictSUIDSGID=yes\nRestrictNamespaces=yes\nRemoveIPC=yes\n");
}

static void
check_timer(struct buf *b, const struct schedule *s)
{
	buf_puts(b, generated);
	buf_fmt(b, "[Unit]\nDescription=Health check of the mail spools every %d min\nDocumentation=man:spoolsweep(1)\n\n"
	    "[Timer]\nOnBootSec=2min\nOnUnitActiveSec=%dmin\nRandomizedDelaySec=15s\nAccuracySec=15s\n\n[Install]\nWantedBy=timers.target\n",
	    s->minutes, s->minutes);
}

static void
alert_service(struct buf *b, const struct schedule *s)
{
	(void)s;
	buf_puts(b, generated);
	buf_puts(b, "# Started by spoolsweep-check.service at a change of state, outside of its sandbox: runs SPOOLSWEEP_ON_ALERT of " DEFAULTS "\n"
	    "# by the shell, with the JSON of every check on its standard input and SPOOLSWEEP_STATE set.\n"
	    "[Unit]\nDescription=Alert of the health check of the mail spools\nDocumentation=man:spoolsweep(1)\n\n[Service]\nType=oneshot\n"
	    "EnvironmentFile=-" DEFAULTS "\nEnvironmentFile=-" STATE "/alert.env\nStandardInput=file:" STATE "/alert.json\n"
	    "ExecStart=/bin/sh -c '[ -z \"$$SPOOLSWEEP_ON_ALERT\" ] || exec /bin/sh -c \"$$SPOOLSWEEP_ON_ALERT\"'\nTimeoutStartSec=2min\n");
}

const struct schedule_file schedule_systemd[] = {
	{ "spoolsweep-check.service", check_service }, { "spoolsweep-check.timer", check_timer },
	{ "spoolsweep-alert.service", alert_service }, { NULL, NULL }
};

/* ---- cron ---- */

/* One word for /bin/sh in a crontab, where "%" ends the command (crontab(5)). */
static void
cron_word(struct buf *b, const char *s)
{
	buf_byte(b, '\'');
	for (; *s != '\0'; s++)
		if (*s == '\'')
			buf_puts(b, "'\\''");
		else if (*s == '%')
			buf_puts(b, "\\%");
		else
			buf_byte(b, *s);
	buf_byte(b, '\'');
}

int
schedule_cron_can(int minutes)
{
	return (minutes < 60 && 60 % minutes == 0) || (minutes % 60 == 0 && 24 % (minutes / 60) == 0);
}

static void
cron_file(struct buf *b, const struct schedule *s)
{
	buf_puts(b, generated);
	buf_puts(b, "# The command of alerts: SPOOLSWEEP_ON_ALERT there.\nSHELL=/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
	if (s->minutes < 60)
		buf_fmt(b, "*/%d * * * *", s->minutes);
	else
		buf_fmt(b, "0 */%d * * *", s->minutes / 60);
	buf_puts(b, " root set -a; [ ! -r " DEFAULTS " ] || . " DEFAULTS "; nice ");
	cron_word(b, s->program);
	if (s->index != NULL) {
		buf_puts(b, " --index ");
		cron_word(b, s->index);
	}
	buf_puts(b, " check --timeout 4m");
	if (s->metrics != NULL) {
		buf_puts(b, " --metrics ");
		cron_word(b, s->metrics);
	}
	buf_puts(b, " ${SPOOLSWEEP_ON_ALERT:+--on-alert \"$SPOOLSWEEP_ON_ALERT\"} $SPOOLSWEEP_CHECK_OPTIONS >/dev/null\n");
}

const struct schedule_file schedule_cron[] = { { "spoolsweep", cron_file }, { NULL, NULL } };

/* ---- a task of Windows ---- */

static void
xml_text(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '&': buf_puts(b, "&amp;"); break;
		case '<': buf_puts(b, "&lt;"); break;
		case '>': buf_puts(b, "&gt;"); break;
		case '"': buf_puts(b, "&quot;"); break;
		default: buf_byte(b, *s); break;
		}
}

/* A path cannot hold a quote on Windows: quotes around it are enough. */
static void
task_path(struct buf *b, const char *option, const char *path)
{
	if (path == NULL)
		return;
	buf_fmt(b, "%s &quot;", option);
	xml_text(b, path);
	buf_puts(b, "&quot; ");
}

/* Runs as SYSTEM (S-1-5-18), whether anybody is logged on or not; a run that was missed is caught up (StartWhenAvailable); never twice at once. */
static void
task_file(struct buf *b, const struct schedule *s)
{
	buf_fmt(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n"
	    "  <RegistrationInfo>\n    <Description>Health check of the mail spools (spoolsweep)</Description>\n  </RegistrationInfo>\n"
	    "  <Triggers>\n    <TimeTrigger>\n      <Repetition>\n        <Interval>PT%dM</Interval>\n"
	    "        <StopAtDurationEnd>false</StopAtDurationEnd>\n      </Repetition>\n"
	    "      <StartBoundary>2026-01-01T00:00:00</StartBoundary>\n      <Enabled>true</Enabled>\n    </TimeTrigger>\n  </Triggers>\n"
	    "  <Principals>\n    <Principal id=\"Author\">\n      <UserId>S-1-5-18</UserId>\n      <RunLevel>HighestAvailable</RunLevel>\n"
	    "    </Principal>\n  </Principals>\n"
	    "  <Settings>\n    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n"
	    "    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n"
	    "    <StartWhenAvailable>true</StartWhenAvailable>\n    <ExecutionTimeLimit>PT10M</ExecutionTimeLimit>\n"
	    "    <Priority>8</Priority>\n  </Settings>\n"
	    "  <Actions Context=\"Author\">\n    <Exec>\n      <Command>&quot;", s->minutes);
	xml_text(b, s->program);
	buf_puts(b, "&quot;</Command>\n      <Arguments>");
	task_path(b, "--index", s->index);
	buf_puts(b, "check --timeout 4m");
	if (s->metrics != NULL)
		buf_byte(b, ' ');
	if (s->metrics != NULL) {
		buf_puts(b, "--metrics &quot;");
		xml_text(b, s->metrics);
		buf_puts(b, "&quot;");
	}
	buf_puts(b, "</Arguments>\n    </Exec>\n  </Actions>\n</Task>\n");
}

const struct schedule_file schedule_task[] = { { "spoolsweep-check.xml", task_file }, { NULL, NULL } };
