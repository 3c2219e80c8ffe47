/* SPDX-License-Identifier: MIT */
/*
 * Names of nodes, the same in all outputs, so that they can be joined: objects by address ("0xc000012345"), variables by
 * name ("g:main.cache"), the virtual root "ROOT", other roots by number ("r:17").
 */
#ifndef WRITERS_IDS_H
#define WRITERS_IDS_H

#include "base/arena.h"
#include "heapconv/heapconv.h"

enum { ID_MAX = 32 }; /* bytes of an object's id, with the NUL */

struct ids {
	const struct hc_snapshot *s;
	hc_node limit;    /* of objects' numbers */
	const char **root; /* by root: its id */
	struct arena arena;
};

struct hc_error *ids_init(struct ids *ids, const struct hc_snapshot *s) HC_MUST_CHECK;
void ids_deinit(struct ids *ids);
/* The id of any node; objects' are written to buf, which has ID_MAX bytes. */
const char *ids_of(const struct ids *ids, hc_node node, char *buf);

#endif
