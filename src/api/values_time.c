/* SPDX-License-Identifier: MIT */
/* Times and durations as people write them: time.Time packs seconds and nanoseconds into two words (time/time.go). */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/values_time.h"
#include "base/bits.h"
#include "heapconv/snapshot.h"

/* Seconds from the year 1 to 1970, and from 1885, where the packed form begins (time.wallToInternal). */
static const int64_t from_year_1 = INT64_C(62135596800), from_1885 = INT64_C(2682288000);
static const int64_t year_9999 = INT64_C(253402300799); /* its end: what is later is no time that a program had */

static bool uint_at(const struct hc_snapshot *s, uint64_t addr, uint64_t *ret)
{
	uint8_t b[8];
	if (!hc_read_memory(s, addr, b, sizeof(b)))
		return false;
	*ret = load_uint(b, sizeof(b), hc_snapshot_info(s)->big_endian);
	return true;
}

static bool is_time(const struct hc_snapshot *s, const struct hc_type *t)
{
	return hc_type_kind(t) == HC_KIND_STRUCT && strcmp(hc_type_name(t), "time.Time") == 0 && hc_type_field_count(t) == 3 &&
	       strcmp(hc_type_field_at(s, t, 0).name, "wall") == 0 && strcmp(hc_type_field_at(s, t, 1).name, "ext") == 0 &&
	       hc_type_field_at(s, t, 1).offset == 8;
}

static bool put_time(uint64_t wall, uint64_t ext, char *buf, size_t size)
{
	bool monotonic = wall >> 63;
	uint64_t nanoseconds = wall & ((1 << 30) - 1);
	int64_t seconds;
	struct tm tm;
	if (monotonic)
		seconds = (int64_t)(wall << 1 >> 31) - from_1885;
	else if (__builtin_sub_overflow((int64_t)ext, from_year_1, &seconds))
		return false;
	if (!wall && !ext) {
		snprintf(buf, size, "(zero time)");
		return true;
	}
	time_t unix_time = seconds;
	if (seconds < -from_year_1 || seconds > year_9999)
		return false;
	if (nanoseconds >= 1000000000 || !gmtime_r(&unix_time, &tm))
		return false;
	int n = snprintf(buf, size, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	                 tm.tm_min, tm.tm_sec);
	if (n > 0 && (size_t)n < size && nanoseconds)
		n += snprintf(buf + n, size - (size_t)n, ".%09" PRIu64, nanoseconds);
	if (n > 0 && (size_t)n < size)
		snprintf(buf + n, size - (size_t)n, " UTC");
	return true;
}

static void put_duration(int64_t d, char *buf, size_t size)
{
	uint64_t ns = d < 0 ? -(uint64_t)d : (uint64_t)d, s = ns / 1000000000, hours = s / 3600, minutes = s / 60 % 60;
	const char *sign = d < 0 ? "-" : "";
	double seconds = (double)(s % 60) + (double)(ns % 1000000000) / 1e9;
	if (hours)
		snprintf(buf, size, "%s%" PRIu64 "h%" PRIu64 "m%.9gs", sign, hours, minutes, seconds);
	else if (minutes)
		snprintf(buf, size, "%s%" PRIu64 "m%.9gs", sign, minutes, seconds);
	else if (ns >= 1000000000 || !ns)
		snprintf(buf, size, "%s%.9gs", sign, seconds);
	else if (ns >= 1000000)
		snprintf(buf, size, "%s%.9gms", sign, (double)ns / 1e6);
	else
		snprintf(buf, size, "%s%.9gus", sign, (double)ns / 1e3);
}

bool values_time(const struct hc_snapshot *s, const struct hc_type *t, uint64_t addr, char *buf, size_t size)
{
	uint64_t wall, ext;
	if (is_time(s, t))
		return uint_at(s, addr, &wall) && uint_at(s, addr + 8, &ext) && put_time(wall, ext, buf, size);
	if (hc_type_kind(t) == HC_KIND_INT64 && strcmp(hc_type_name(t), "time.Duration") == 0 && uint_at(s, addr, &ext)) {
		put_duration((int64_t)ext, buf, size);
		return true;
	}
	return false;
}
