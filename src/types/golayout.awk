# Turns golayout.tsv into C: under LAYOUT_RELEASES the releases that the columns stand for, as {minor, patch}; else one row
# per field, {arch, "struct", "field", {{offset, size}, ...}}, with one pair per release.
BEGIN { FS = "\t" }
/^#/ { next }
$1 == "arch" {
	print "#ifdef LAYOUT_RELEASES"
	for (i = 4; i <= NF; i++) { split($i, v, "."); printf "{%d, %d},%s", v[2], v[3], i < NF ? " " : "\n" }
	print "#else"
	next
}
{
	printf "{\"%s\", \"%s\", \"%s\", {", $1, $2, $3
	for (i = 4; i <= NF; i++) {
		if ($i == "=") $i = $(i - 1)
		if ($i == "-") printf "{-1, 0}"
		else { split($i, v, ":"); printf "{%d, %d}", v[1], v[2] }
		if (i < NF) printf ", "
	}
	print "}},"
}
END { print "#endif" }
