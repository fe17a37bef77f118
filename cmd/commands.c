/* The table of commands. */
#include "cmd/cmd.h"

const struct command *const cmd_all[] = {
	&cmd_spools, &cmd_scan, &cmd_rank, &cmd_list, &cmd_show, &cmd_purge, &cmd_hold, &cmd_release, &cmd_plans, &cmd_verify,
	&cmd_restore, &cmd_check, &cmd_report, &cmd_prune, &cmd_evidence, &cmd_dnsbl, &cmd_schedule, NULL
};
