/* SPDX-License-Identifier: MIT */
/* Runtime type descriptors: shared by rtype.c, gcmask.c and program.c only. */
#ifndef TYPES_RTYPE_H
#define TYPES_RTYPE_H

#include "types/types.h"

struct rtypes;
void rtypes_free(struct rtypes *r);

#endif
