/* SPDX-License-Identifier: MIT */
#include "writers/ids.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/strtab.h"

/* Several variables may have one name (of plugins, or in a damaged snapshot): all but the first carry their number. */
static const char *global_id(struct ids *ids, struct strtab *seen, const struct hc_root *root, uint32_t i)
{
	uint32_t id, before = (uint32_t)seen->strings.len;
	if (!strtab_add(seen, root->name, strlen(root->name), &id))
		return NULL;
	if (id < before)
		return arena_printf(&ids->arena, "g:%s#%" PRIu32, root->name, i);
	return arena_printf(&ids->arena, "g:%s", root->name);
}

struct hc_error *ids_init(struct ids *ids, const struct hc_snapshot *s)
{
	uint32_t n = hc_root_count(s);
	struct strtab seen = {0};
	*ids = (struct ids){.s = s, .limit = hc_object_limit(s)};
	ids->root = calloc((size_t)n + 1, sizeof(*ids->root));
	bool ok = ids->root != NULL;
	for (uint32_t i = 0; ok && i < n; i++) {
		struct hc_root root = hc_root_at(s, i);
		if (root.kind == HC_ROOT_ALL)
			ids->root[i] = "ROOT";
		else if (root.kind == HC_ROOT_GLOBAL && *root.name)
			ids->root[i] = global_id(ids, &seen, &root, i);
		else
			ids->root[i] = arena_printf(&ids->arena, "r:%" PRIu32, i);
		ok = ids->root[i] != NULL;
	}
	strtab_free(&seen);
	if (ok)
		return NULL;
	ids_deinit(ids);
	return err_nomem();
}

void ids_deinit(struct ids *ids)
{
	free(ids->root);
	ids->root = NULL;
	arena_free(&ids->arena);
}

const char *ids_of(const struct ids *ids, hc_node node, char *buf)
{
	if (node >= ids->limit)
		return ids->root[node - ids->limit];
	snprintf(buf, ID_MAX, "%#" PRIx64, hc_node_addr(ids->s, node));
	return buf;
}
