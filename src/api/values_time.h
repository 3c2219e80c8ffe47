/* SPDX-License-Identifier: MIT */
#ifndef API_VALUES_TIME_H
#define API_VALUES_TIME_H

#include "heapconv/object.h"

enum { VALUES_TIME = 64 };

/* A time.Time (in UTC) or time.Duration at an address as text; false for all else, and what is no sensible time. */
bool values_time(const struct hc_snapshot *s, const struct hc_type *t, uint64_t addr, char *buf, size_t size);

#endif
