/* SPDX-License-Identifier: MIT */
/* The file that says what the numbers mean which a program planted in its objects. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

enum { LINE_MAX_BYTES = 4096, NAMES_MAX = 1 << 20 };

static int by_value(const void *ap, const void *bp)
{
	const struct planted *a = ap, *b = bp;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* "0x1234 name", blanks around; the name may hold blanks. False: no such line. *name NULL: nothing on it. */
static bool line_parse(char *line, uint64_t *value, char **name)
{
	char *s = line + strspn(line, " \t"), *end;
	*name = NULL;
	s[strcspn(s, "\r\n")] = '\0';
	if (!*s || *s == '#')
		return true;
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 0);
	if (errno || (*end != ' ' && *end != '\t'))
		return false;
	end += strspn(end, " \t");
	for (size_t n = strlen(end); n && (end[n - 1] == ' ' || end[n - 1] == '\t'); n--)
		end[n - 1] = '\0';
	*value = v;
	*name = end;
	return *end != '\0';
}

static struct hc_error *load(struct hc_snapshot *s, const char *path, FILE *f)
{
	char line[LINE_MAX_BYTES];
	for (unsigned long number = 1; fgets(line, sizeof(line), f); number++) {
		struct planted p;
		char *name;
		if (!strchr(line, '\n') && !feof(f))
			return err_new(HC_E_ARG, "--oid: %s:%lu: line longer than %d bytes", path, number, LINE_MAX_BYTES - 2);
		if (!line_parse(line, &p.value, &name))
			return err_new(HC_E_ARG, "--oid: %s:%lu: '%s' is not a number and a name, as in `0x6e6f6465 Node`", path, number,
			               line);
		if (!name)
			continue;
		p.name = arena_strdup(&s->arena, name);
		if (!p.name || !vec_push(&s->planted, p))
			return err_nomem();
		if (s->planted.len > NAMES_MAX)
			return err_new(HC_E_LIMIT, "--oid: %s: more than %d names", path, NAMES_MAX);
	}
	if (ferror(f))
		return err_new(HC_E_IO, "--oid: %s: %s", path, strerror(errno));
	if (s->planted.len)
		qsort(s->planted.data, s->planted.len, sizeof(*s->planted.data), by_value);
	return NULL;
}

struct hc_error *api_oids(struct hc_snapshot *s, const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return err_new(HC_E_IO, "--oid: %s: %s", path, strerror(errno));
	struct hc_error *err = load(s, path, f);
	fclose(f);
	return err;
}
