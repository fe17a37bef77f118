# PowerShell completion for spoolsweep. In the profile:  . 'C:\Program Files\spoolsweep\spoolsweep-completion.ps1'

Register-ArgumentCompleter -Native -CommandName spoolsweep -ScriptBlock {
	param($word, $line, $cursor)

	$globals = '--index', '--json', '--csv', '--quiet', '--verbose', '--help', '--version', '-q', '-v'
	$selectors = '--account', '--domain', '--sender', '--sender-domain', '--recipient', '--recipient-domain', '--client', '--subject',
		'--script', '--queue', '--spool', '--kind', '--null-sender', '--frozen', '--damaged', '--older', '--younger', '--since', '--until',
		'--larger', '--smaller', '--id', '--contains', '--url', '--attachment', '--campaign', '--where', '--all'
	$own = [ordered]@{
		'spools' = @()
		'scan' = @('--contents', '--full', '--max-body', '--threads', '--timezone') + $selectors
		'rank' = @('--by', '-n') + $selectors
		'list' = @('-c', '-i') + $selectors
		'show' = $selectors
		'purge' = @('--execute', '--plan', '--resume', '--undo', '--archive', '--scan', '--yes', '--limit', '--level', '--threads',
			'--mainlog', '--retry-busy', '--watch', '--live', '--stop-service') + $selectors
		'hold' = @('--execute', '--plan', '--scan', '--yes', '--limit', '--retry-busy', '--live', '--stop-service') + $selectors
		'release' = @('--execute', '--plan', '--yes', '--stop-service') + $selectors
		'plans' = @('--adopt')
		'verify' = @()
		'restore' = @('--execute', '--to', '--to-queue', '--thaw', '--reset-time', '--rate', '--as', '--stop-service', '--yes') + $selectors
		'check' = '--warning', '--critical', '--timeout', '--known', '--metrics', '--metrics-domains', '--on-alert', '--repeat', '--list',
			'--timezone', '-w', '-c', '-t'
		'report' = @('--html', '--text', '--csv', '--timeline', '--bodyfile', '--redact', '-n') + $selectors
		'evidence' = @('--gone', '--reply') + $selectors
		'dnsbl' = '--from-evidence', '--list', '--resolver', '--timeout', '-t'
		'prune' = '--older', '--execute'
		'schedule' = '--install', '--remove', '--print', '--every', '--metrics', '--with', '--folder', '--program'
	}
	$values = @{
		'--by' = 'account', 'domain', 'sender', 'sender-domain', 'client', 'recipient-domain', 'subject', 'script', 'url', 'campaign'
		'--with' = 'systemd', 'cron', 'task'
		'--kind' = 'postfix', 'exim', 'smartermail', 'auth', 'local', 'client', 'sender', 'bounce'
		'--as' = 'eml', 'mbox'
		'--to-queue' = 'hold', 'deferred', 'maildrop'
	}
	$typed = @($line.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursor } |
		ForEach-Object { $_.ToString() })
	$command = $null
	for ($i = 0; $i -lt $typed.Count; $i++) {
		if ($typed[$i] -eq '--index') { $i++; continue }
		if (-not $typed[$i].StartsWith('-')) { $command = $typed[$i]; break }
	}
	if ($typed.Count -gt 0 -and $values.ContainsKey($typed[-1])) {
		$words = $values[$typed[-1]]
	} elseif ($null -eq $command) {
		$words = @($own.Keys) + 'help' + $globals
	} elseif ($command -eq 'help') {
		$words = $own.Keys
	} elseif ($own.Contains($command)) {
		$words = @($own[$command]) + $globals
	} else {
		$words = $globals
	}
	# Nothing of ours fits: PowerShell goes on with files and folders.
	$words | Where-Object { $_ -like "$word*" } |
		ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
}
