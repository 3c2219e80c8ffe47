# Turns golayout.tsv into rows of C: {arch, "struct", "field", {{offset, size}, ...}}, one pair a release from Go 1.17 on.
BEGIN { FS = "\t" }
/^#/ || $1 == "arch" { next }
{
	printf "{\"%s\", \"%s\", \"%s\", {", $1, $2, $3
	for (i = 4; i <= NF; i++) {
		if ($i == "-") printf "{-1, 0}"
		else { split($i, v, ":"); printf "{%d, %d}", v[1], v[2] }
		if (i < NF) printf ", "
	}
	print "}},"
}
