# index/blocklists.tsv to the rows of a C table.
BEGIN { FS = "\t" }
/^#/ { next }
NF != 9 { printf "%s:%d: %d fields, not 9\n", FILENAME, FNR, NF > "/dev/stderr"; exit 1 }
{
	line = ""
	for (i = 1; i <= NF; i++) {
		gsub(/\\/, "\\\\", $i)
		gsub(/"/, "\\\"", $i)
		gsub(/\?/, "\\?", $i)
		line = line (i > 1 ? ", " : "") ($i == "-" ? "0" : "\"" $i "\"")
	}
	print "\t{ " line " },"
}
