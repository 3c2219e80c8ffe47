/* SPDX-License-Identifier: MIT */
/* The text of --help. */
#ifndef CMD_HELP_H
#define CMD_HELP_H

/* To standard output. */
void help_print(void);

#endif
