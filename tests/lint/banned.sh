#!/bin/sh
# SPDX-License-Identifier: MIT
# Functions that must not be used, and the rule that only cmd/ prints or exits.
bad=0
if grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|alloca|ctime|asctime|gmtime|localtime|tmpnam|mktemp)\(' \
	$(find src cmd include -name '*.[ch]'); then
	echo "banned functions are used"
	bad=1
fi
if grep -nE '\b(printf|fprintf|puts|fputs|perror|exit|abort|_exit)\(' $(find src -name '*.[ch]'); then
	echo "only cmd/ prints and exits"
	bad=1
fi
exit $bad
