# fish completion for spoolsweep(1)

set -l commands spools scan rank list show purge hold release plans verify restore check report prune evidence dnsbl schedule help
set -l none "not __fish_seen_subcommand_from $commands"
set -l selects "__fish_seen_subcommand_from scan rank list show purge hold release restore report evidence"

complete -c spoolsweep -f
complete -c spoolsweep -n $none -a spools -d 'the spools on this machine'
complete -c spoolsweep -n $none -a scan -d 'read spools into the index'
complete -c spoolsweep -n $none -a rank -d 'who sends most'
complete -c spoolsweep -n $none -a list -d 'messages, a line each'
complete -c spoolsweep -n $none -a show -d 'one message'
complete -c spoolsweep -n $none -a purge -d 'plan, take, archive, verify and delete messages'
complete -c spoolsweep -n $none -a hold -d 'take messages out of the sight of the MTA'
complete -c spoolsweep -n $none -a release -d 'put held messages back'
complete -c spoolsweep -n $none -a plans -d 'plans and their states'
complete -c spoolsweep -n $none -a verify -d 're-check archives of purges'
complete -c spoolsweep -n $none -a restore -d 'put messages of an archive back'
complete -c spoolsweep -n $none -a check -d 'health check'
complete -c spoolsweep -n $none -a report -d 'the incident as a page, text, JSON or CSV'
complete -c spoolsweep -n $none -a evidence -d 'what other servers say of this one'
complete -c spoolsweep -n $none -a dnsbl -d 'ask blocklists by DNS'
complete -c spoolsweep -n $none -a prune -d 'forget what is old'
complete -c spoolsweep -n $none -a schedule -d 'run the health check on a schedule'
complete -c spoolsweep -n $none -a help -d 'help of a command'
complete -c spoolsweep -n '__fish_seen_subcommand_from help' -a 'spools scan rank list show purge hold release plans verify restore check report prune evidence dnsbl schedule'

complete -c spoolsweep -l index -r -F -d 'the index'
complete -c spoolsweep -l json -d 'JSON Lines'
complete -c spoolsweep -l csv -d 'CSV with a header line'
complete -c spoolsweep -s q -l quiet -d 'no progress and no notes'
complete -c spoolsweep -s v -l verbose -d 'say more'
complete -c spoolsweep -s h -l help -d 'help'
complete -c spoolsweep -s V -l version -d 'the version'

complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -a '(__fish_complete_directories)'
complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -l contents -d 'read bodies too'
complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -l max-body -x -d 'bytes of a body'
complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -l full -d 'read unchanged files again'
complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -l threads -x -d 'reader threads'
complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -l timezone -x -d 'zone of local times'
complete -c spoolsweep -n '__fish_seen_subcommand_from rank' -l by -x -d 'what a row stands for' \
	-a 'account domain sender sender-domain client recipient-domain subject script url campaign'
complete -c spoolsweep -n '__fish_seen_subcommand_from rank' -s n -x -d 'at most so many rows'
complete -c spoolsweep -n '__fish_seen_subcommand_from list' -s c -d 'only the number'
complete -c spoolsweep -n '__fish_seen_subcommand_from list' -s i -d 'only the queue ids'

set -l changes '__fish_seen_subcommand_from purge hold release'
complete -c spoolsweep -n $changes -l execute -d 'carry it out'
complete -c spoolsweep -n $changes -l plan -x -d 'the stored plan'
complete -c spoolsweep -n $changes -l yes -d 'do not ask'
complete -c spoolsweep -n $changes -l stop-service -d 'stop SmarterMail meanwhile'
set -l takes '__fish_seen_subcommand_from purge hold'
complete -c spoolsweep -n $takes -l scan -d 'scan first'
complete -c spoolsweep -n $takes -l limit -x -d 'at most so many'
complete -c spoolsweep -n $takes -l retry-busy -x -d 'try busy ones again, seconds'
complete -c spoolsweep -n $takes -l live -d 'although SmarterMail runs'
set -l purge '__fish_seen_subcommand_from purge'
complete -c spoolsweep -n $purge -l resume -d 'finish what was begun'
complete -c spoolsweep -n $purge -l undo -x -d 'put back what is not deleted'
complete -c spoolsweep -n $purge -l archive -x -a '(__fish_complete_directories)' -d 'folder of the archive'
complete -c spoolsweep -n $purge -l level -x -d 'of compression'
complete -c spoolsweep -n $purge -l threads -x -d 'of compression'
complete -c spoolsweep -n $purge -l mainlog -r -F -d "Exim's main log"
complete -c spoolsweep -n $purge -l watch -x -d 'go on with new ones for so long'

complete -c spoolsweep -n '__fish_seen_subcommand_from verify restore' -F
set -l restore '__fish_seen_subcommand_from restore'
complete -c spoolsweep -n $restore -l execute -d 'put the messages back'
complete -c spoolsweep -n $restore -l to -x -a '(__fish_complete_directories)' -d 'into this spool'
complete -c spoolsweep -n $restore -l to-queue -x -a 'hold deferred maildrop' -d 'into this queue'
complete -c spoolsweep -n $restore -l thaw -d 'Exim: do not freeze them'
complete -c spoolsweep -n $restore -l reset-time -d 'Exim: they arrive now'
complete -c spoolsweep -n $restore -l as -x -a 'eml mbox' -d 'into mail files for reading'
complete -c spoolsweep -n '__fish_seen_subcommand_from plans' -l adopt -x -a '(__fish_complete_directories)' -d 'a folder whose journal is lost'
complete -c spoolsweep -n $restore -l rate -x -d 'at most so many a minute'
complete -c spoolsweep -n $restore -l stop-service -d 'stop SmarterMail meanwhile'
complete -c spoolsweep -n $restore -l yes -d accepted

set -l check '__fish_seen_subcommand_from check'
complete -c spoolsweep -n $check -a '(__fish_complete_directories)'
complete -c spoolsweep -n $check -s w -l warning -x -d 'NAME=RANGE'
complete -c spoolsweep -n $check -s c -l critical -x -d 'NAME=RANGE'
complete -c spoolsweep -n $check -s t -l timeout -x -d 'answer within'
complete -c spoolsweep -n $check -l known -r -F -d 'accounts that may send much'
complete -c spoolsweep -n $check -l metrics -r -F -d 'write Prometheus text'
complete -c spoolsweep -n $check -l metrics-domains -d 'with the domains'
complete -c spoolsweep -n $check -l on-alert -x -d 'run at a change of state'
complete -c spoolsweep -n $check -l repeat -x -d 'run again after'
complete -c spoolsweep -n $check -l list -d 'every check'
complete -c spoolsweep -n $check -l timezone -x -d 'zone of local times'

set -l report '__fish_seen_subcommand_from report'
complete -c spoolsweep -n $report -l html -r -F -d 'a page'
complete -c spoolsweep -n $report -l text -d 'for a terminal'
complete -c spoolsweep -n $report -l csv -x -a '(__fish_complete_directories)' -d 'a file for each section'
complete -c spoolsweep -n $report -l timeline -r -F -d 'JSON Lines for Timesketch'
complete -c spoolsweep -n $report -l bodyfile -r -F -d 'body file 3'
complete -c spoolsweep -n $report -l redact -d 'for third parties'
complete -c spoolsweep -n $report -s n -x -d 'at most so many rows'

set -l evidence '__fish_seen_subcommand_from evidence'
complete -c spoolsweep -n $evidence -l gone -d 'also of messages that have left'
complete -c spoolsweep -n $evidence -l reply -x -d 'judge this text, - is standard input'
complete -c spoolsweep -n $evidence -a '(__fish_complete_directories)'

set -l dnsbl '__fish_seen_subcommand_from dnsbl'
complete -c spoolsweep -n $dnsbl -l from-evidence -d 'the addresses that replies name'
complete -c spoolsweep -n $dnsbl -l list -x -d 'only this list or zone'
complete -c spoolsweep -n $dnsbl -l resolver -x -d 'ask this one'
complete -c spoolsweep -n $dnsbl -s t -l timeout -x -d 'of one query'

set -l prune '__fish_seen_subcommand_from prune'
complete -c spoolsweep -n $prune -l older -x -d 'ended longer ago'
complete -c spoolsweep -n $prune -l execute -d 'forget it'

set -l schedule '__fish_seen_subcommand_from schedule'
complete -c spoolsweep -n $schedule -l install -d 'write the files and start it'
complete -c spoolsweep -n $schedule -l remove -d 'stop it and remove the files'
complete -c spoolsweep -n $schedule -l print -d 'show what would be written'
complete -c spoolsweep -n $schedule -l every -x -d 'how often'
complete -c spoolsweep -n $schedule -l metrics -r -F -d 'metrics file'
complete -c spoolsweep -n $schedule -l with -x -a 'systemd cron task' -d 'what runs it'
complete -c spoolsweep -n $schedule -l folder -x -a '(__fish_complete_directories)' -d 'of the files'
complete -c spoolsweep -n $schedule -l program -r -F -d 'the program to run'

for s in account domain sender sender-domain recipient recipient-domain client subject script queue older younger \
		since until larger smaller id contains url attachment campaign where
	complete -c spoolsweep -n $selects -l $s -x -d 'selector'
end
for s in null-sender frozen damaged all
	complete -c spoolsweep -n $selects -l $s -d 'selector'
end
complete -c spoolsweep -n $selects -l spool -r -F -d 'this spool'
complete -c spoolsweep -n $selects -l kind -x -d 'kind of spool or account' \
	-a 'postfix exim smartermail auth local client sender bounce'
