# bash completion for spoolsweep(1)

_spoolsweep()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command="" word i
	local commands="spools scan rank list show purge hold release plans verify restore check report prune evidence dnsbl schedule help"
	local globals="--index --json --csv --quiet --verbose --help --version -q -v"
	local selectors="--account --domain --sender --sender-domain --recipient --recipient-domain --client --subject
		--script --queue --spool --kind --null-sender --frozen --damaged --older --younger --since --until --larger
		--smaller --id --contains --url --attachment --campaign --where --all"
	local by="account domain sender sender-domain client recipient-domain subject script url campaign"

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--index) ((i++)) ;;
		-*) ;;
		*) command=$word; break ;;
		esac
	done
	case $prev in
	--with)
		mapfile -t COMPREPLY < <(compgen -W "systemd cron task" -- "$cur"); return ;;
	--html|--timeline|--bodyfile)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames; return ;;
	--csv)
		if [[ $command == report ]]; then
			mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames; return
		fi ;;
	--folder|--archive|--to)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames; return ;;
	--index|--spool|--mainlog|--known|--metrics|--program)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames; return ;;
	--adopt)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames; return ;;
	--as)
		mapfile -t COMPREPLY < <(compgen -W "eml mbox" -- "$cur"); return ;;
	--to-queue)
		mapfile -t COMPREPLY < <(compgen -W "hold deferred maildrop" -- "$cur"); return ;;
	--by)
		mapfile -t COMPREPLY < <(compgen -W "$by" -- "$cur"); return ;;
	--kind)
		mapfile -t COMPREPLY < <(compgen -W "postfix exim smartermail auth local client sender bounce" -- "$cur"); return ;;
	--timezone)
		mapfile -t COMPREPLY < <(compgen -W "$(awk '!/^#/ { print $3 }' /usr/share/zoneinfo/zone.tab 2>/dev/null)" -- "$cur"); return ;;
	--account|--domain|--sender|--sender-domain|--recipient|--recipient-domain|--client|--subject|--script|--queue|--older| \
	--younger|--since|--until|--larger|--smaller|--id|--contains|--url|--attachment|--campaign|--max-body|--where|--threads|-n|--plan|--undo|--limit|--level|--retry-busy|--watch|--rate|--warning|--critical|-w|-c|--timeout|-t|--repeat|--on-alert|--every|--reply|--resolver)
		return ;;
	esac
	case $command in
	"") mapfile -t COMPREPLY < <(compgen -W "$commands $globals" -- "$cur") ;;
	help) mapfile -t COMPREPLY < <(compgen -W "spools scan rank list show purge hold release plans verify restore check report prune evidence dnsbl schedule" -- "$cur") ;;
	scan)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "--contents --full --max-body --threads --timezone $selectors $globals" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames
		fi ;;
	rank) mapfile -t COMPREPLY < <(compgen -W "--by -n $selectors $globals" -- "$cur") ;;
	list) mapfile -t COMPREPLY < <(compgen -W "-c -i $selectors $globals" -- "$cur") ;;
	purge) mapfile -t COMPREPLY < <(compgen -W "--execute --plan --resume --undo --archive --scan --yes --limit --level --threads
		--mainlog --retry-busy --watch --live --stop-service $selectors $globals" -- "$cur") ;;
	hold) mapfile -t COMPREPLY < <(compgen -W "--execute --plan --scan --yes --limit --retry-busy --live --stop-service $selectors \
		$globals" -- "$cur") ;;
	release) mapfile -t COMPREPLY < <(compgen -W "--execute --plan --yes --stop-service $selectors $globals" -- "$cur") ;;
	plans) mapfile -t COMPREPLY < <(compgen -W "--adopt $globals" -- "$cur") ;;
	verify) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames ;;
	restore)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "--execute --to --to-queue --thaw --reset-time --rate --as --stop-service --yes $selectors $globals" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames
		fi ;;
	check)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "--warning --critical --timeout --known --metrics --metrics-domains --on-alert --repeat --list --timezone -w -c -t $globals" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames
		fi ;;
	report) mapfile -t COMPREPLY < <(compgen -W "--html --text --timeline --bodyfile --redact -n $selectors $globals" -- "$cur") ;;
	evidence)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "--gone --reply $selectors $globals" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames
		fi ;;
	dnsbl) mapfile -t COMPREPLY < <(compgen -W "--from-evidence --list --resolver --timeout -t $globals" -- "$cur") ;;
	prune) mapfile -t COMPREPLY < <(compgen -W "--older --execute $globals" -- "$cur") ;;
	schedule) mapfile -t COMPREPLY < <(compgen -W "--install --remove --print --every --metrics --with --folder --program $globals" -- "$cur") ;;
	show) mapfile -t COMPREPLY < <(compgen -W "$selectors $globals" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$globals" -- "$cur") ;;
	esac
}

complete -F _spoolsweep spoolsweep
