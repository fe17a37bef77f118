# fish completion for spoolsweep(1)

set -l commands spools scan rank list show help
set -l none "not __fish_seen_subcommand_from $commands"
set -l selects "__fish_seen_subcommand_from rank list show"

complete -c spoolsweep -f
complete -c spoolsweep -n $none -a spools -d 'the spools on this machine'
complete -c spoolsweep -n $none -a scan -d 'read spools into the index'
complete -c spoolsweep -n $none -a rank -d 'who sends most'
complete -c spoolsweep -n $none -a list -d 'messages, a line each'
complete -c spoolsweep -n $none -a show -d 'one message'
complete -c spoolsweep -n $none -a help -d 'help of a command'
complete -c spoolsweep -n '__fish_seen_subcommand_from help' -a 'spools scan rank list show'

complete -c spoolsweep -l index -r -F -d 'the index'
complete -c spoolsweep -l json -d 'JSON Lines'
complete -c spoolsweep -l csv -d 'CSV with a header line'
complete -c spoolsweep -s q -l quiet -d 'no progress and no notes'
complete -c spoolsweep -s v -l verbose -d 'say more'
complete -c spoolsweep -s h -l help -d 'help'
complete -c spoolsweep -s V -l version -d 'the version'

complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -a '(__fish_complete_directories)'
complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -l full -d 'read unchanged files again'
complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -l threads -x -d 'reader threads'
complete -c spoolsweep -n '__fish_seen_subcommand_from scan' -l timezone -x -d 'zone of local times'
complete -c spoolsweep -n '__fish_seen_subcommand_from rank' -l by -x -d 'what a row stands for' \
	-a 'account domain sender sender-domain client recipient-domain subject script'
complete -c spoolsweep -n '__fish_seen_subcommand_from rank' -s n -x -d 'at most so many rows'
complete -c spoolsweep -n '__fish_seen_subcommand_from list' -s c -d 'only the number'
complete -c spoolsweep -n '__fish_seen_subcommand_from list' -s i -d 'only the queue ids'

for s in account domain sender sender-domain recipient recipient-domain client subject script queue older younger \
		since until larger smaller id contains where
	complete -c spoolsweep -n $selects -l $s -x -d 'selector'
end
for s in null-sender frozen damaged all
	complete -c spoolsweep -n $selects -l $s -d 'selector'
end
complete -c spoolsweep -n $selects -l spool -r -F -d 'this spool'
complete -c spoolsweep -n $selects -l kind -x -d 'kind of spool or account' \
	-a 'postfix exim smartermail auth local client sender bounce'
