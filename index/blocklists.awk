# index/blocklists.tsv to the rows of a C table. "$NAME" in a match becomes the words of that group with "^" between.
BEGIN { FS = "\t" }
/^#/ { next }
/^\$[a-z]+\t/ { gsub(/\|/, "^", $2); group[$1] = $2; next }
NF != 9 { printf "%s:%d: %d fields, not 9\n", FILENAME, FNR, NF > "/dev/stderr"; exit 1 }
{
	while (match($4, /\$[a-z]+/)) {
		name = substr($4, RSTART, RLENGTH)
		if (!(name in group)) {
			printf "%s:%d: no group %s\n", FILENAME, FNR, name > "/dev/stderr"
			exit 1
		}
		$4 = substr($4, 1, RSTART - 1) group[name] substr($4, RSTART + RLENGTH)
	}
	line = ""
	for (i = 1; i <= 9; i++) {
		gsub(/\\/, "\\\\", $i)
		gsub(/"/, "\\\"", $i)
		gsub(/\?/, "\\?", $i)
		line = line (i > 1 ? ", " : "") ($i == "-" ? "0" : "\"" $i "\"")
	}
	print "\t{ " line " },"
}
