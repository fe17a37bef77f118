# Folders in memory: a sync of a disk takes as long as hundreds of calls, and is seldom what a test is about.
package Memory;
use strict;
use warnings;
use Exporter 'import';
use File::Spec;
use File::Temp qw(tempdir);

our @EXPORT_OK = qw(memory_with memory_dir);

# /dev/shm when it has so many MiB free: a container's often has 64 in all. Else undef.
sub memory_with {
	my ($mib) = @_;
	my (undef, $line) = -d '/dev/shm' && -w _ ? qx(df -Pk /dev/shm) : ();
	return ($line // '') =~ /^\S+\s+\d+\s+\d+\s+(\d+)/ && $1 >= $mib << 10 ? '/dev/shm' : undef;
}

# A fresh folder there, else where temporary files go; removed at exit unless KEEP is set.
sub memory_dir {
	my ($mib) = @_;
	return tempdir('spoolsweep-XXXXXX', DIR => memory_with($mib) // File::Spec->tmpdir, CLEANUP => !$ENV{KEEP});
}

1;
