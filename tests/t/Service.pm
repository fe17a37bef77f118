# A mail server's service for the tests: a fake systemctl, which only the program sees (bound over the real one in a mount
# namespace of its own), and a process that stands for the server. What it does at which call is said by files in its folder.
package Service;
use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path);
use Sweep;
use Test::More;

our @EXPORT = qw(new_service service_run service_state set_service calls on_call service_end);

# { dir, image, wrap }: the program of the service is dir/Service/NAME; its spool may stand in dir/Spool.
sub new_service {
	my ($dir, $name) = @_;
	my %s = (dir => $dir, image => "$dir/Service/$name", fake => "$dir/fake");
	make_path("$dir/Service", $s{fake});
	system('cp', '/bin/sleep', $s{image}) == 0 or die 'cp sleep';
	spew("$s{fake}/systemctl", <<"END", 0755);
#!/bin/sh
# $s{image}
d=$s{fake}
exec 9>\$d/lock; flock -s 9
n=\$((\$(cat \$d/n 2>/dev/null || echo 0) + 1)); echo \$n > \$d/n
while :; do case \$1 in -*) shift;; *) break;; esac; done
verb=\$1
echo "\$verb" >> \$d/calls
runs() { [ "\$(readlink /proc/\$1/exe)" = $s{image} ]; }
launch() {
	$s{image} 100000 >/dev/null 2>&1 </dev/null 9>&- & echo \$! > \$d/pid; echo \$! >> \$d/pids
	until runs \$!; do :; done
	echo active > \$d/state
}
finish() { kill -9 \$(cat \$d/pid); while runs \$(cat \$d/pid); do :; done; }
deed() { [ ! -e \$d/\$1-\$n ] || . \$d/\$1-\$n; [ ! -e \$d/\$1-\$verb ] || . \$d/\$1-\$verb; }
deed before
case \$verb in
show)
	[ ! -e \$d/mute ] || exit 1
	if [ -e \$d/none ]; then echo LoadState=not-found; exit 0; fi
	echo LoadState=loaded; echo "ActiveState=\$(cat \$d/state)"
	if [ "\$(cat \$d/state)" = inactive ]; then echo MainPID=0; else echo "MainPID=\$(cat \$d/pid)"; fi
	echo "Description=The mail server"
	echo "ExecStart={ path=$s{image} ; argv[]=$s{image} -x ; ignore_errors=no ; pid=0 }" ;;
stop)
	echo inactive > \$d/state
	[ -e \$d/zombie ] || finish ;;
start)
	[ ! -e \$d/broken ] || exit 1
	[ "\$(cat \$d/state)" = active ] || launch ;;
esac
deed after
exit 0
END
	$s{wrap} = ['unshare', '-m', 'sh', '-c', "mount --bind $s{fake}/systemctl /usr/bin/systemctl && exec \"\$0\" \"\$@\""];
	set_service(\%s, 'inactive');
	return \%s;
}

sub service_run {
	my ($s, $index, @args) = @_;
	my $r = sweep({ index => $index, wrap => $s->{wrap} }, @args);
	system('flock', "$s->{fake}/lock", 'true');	# a systemctl of a program that was killed may be at work still
	return $r;
}

sub is_of_service {
	my ($s, $pid) = @_;
	return (readlink("/proc/$pid/exe") // '') =~ m{^\Q$s->{image}\E};
}

# "active" when its manager says so and its process runs; "inactive"; "torn" else.
sub service_state {
	my ($s) = @_;
	chomp(my $state = slurp("$s->{fake}/state"));
	my $pid = -e "$s->{fake}/pid" ? slurp("$s->{fake}/pid") + 0 : 0;
	my $runs = $pid && is_of_service($s, $pid);
	return $state eq ($runs ? 'active' : 'inactive') ? $state : 'torn';
}

# Starts or stops it behind the program's back, and forgets what was asked before.
sub set_service {
	my ($s, $state) = @_;
	unlink map { "$s->{fake}/$_" } qw(n calls mute none broken zombie);
	unlink glob "$s->{fake}/before-* $s->{fake}/after-*";
	my $pid = -e "$s->{fake}/pid" ? slurp("$s->{fake}/pid") + 0 : 0;
	kill 9, $pid if $pid && service_state($s) ne 'inactive';
	select undef, undef, undef, 0.01 while $pid && is_of_service($s, $pid);
	spew("$s->{fake}/state", "inactive\n");
	system("$s->{fake}/systemctl", 'start') == 0 or die 'start' if $state eq 'active';
	unlink map { "$s->{fake}/$_" } qw(n calls);
}

sub calls {
	my ($s) = @_;
	return -e "$s->{fake}/calls" ? split /\n/, slurp("$s->{fake}/calls") : ();
}

# Shell words done before or after call number N, or every call of a verb.
sub on_call {
	my ($s, $when, $call, $words) = @_;
	spew("$s->{fake}/$when-$call", "$words\n");
}

sub service_end {
	my ($s) = @_;
	return if !-e "$s->{fake}/pids";
	for my $pid (split /\n/, slurp("$s->{fake}/pids")) {
		kill 9, $pid if is_of_service($s, $pid);
	}
}

1;
