/* SPDX-License-Identifier: MIT */
/* Go's build information: the version string and what `go version -m` shows. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "reader/priv.h"

enum {
	BLOCK_HEAD = 32,
	VERSION_MAX = 256,
	MODINFO_MAX = 1 << 20,
	MODINFO_FENCE = 16, /* bytes before and after the text that let tools find it in the binary */
	FLAG_BIG_ENDIAN = 1,
	FLAG_INLINE = 2, /* since Go 1.18: strings follow the header, instead of pointers to them */
};

/* Digits at *s; false when there is none or too many. */
static bool take_number(const char **s, int *ret)
{
	int v = 0, n = 0;
	for (; **s >= '0' && **s <= '9' && n < 6; n++)
		v = v * 10 + *(*s)++ - '0';
	*ret = v;
	return n > 0;
}

bool buildinfo_parse_version(struct arena *a, const char *text, size_t len, struct buildinfo *ret)
{
	ret->minor = -1;
	ret->patch = 0;
	ret->version = arena_strndup(a, text, len);
	ret->experiments = arena_strndup(a, "", 0);
	if (!ret->version || !ret->experiments)
		return false;
	/* "go1.24.4", "go1.25rc1", "devel go1.28-abcdef Tue ...", vendors' "go1.22.1 (Distro 1.22.1-3)" */
	const char *s = strstr(ret->version, "go1.");
	int minor, patch;
	if (s) {
		s += 4;
		if (take_number(&s, &minor)) {
			ret->minor = minor;
			if (*s == '.' && (s++, take_number(&s, &patch)))
				ret->patch = patch;
		}
	}
	/* Before Go 1.27 " X:a,b", since then "-X:a,b". */
	for (const char *x = strstr(ret->version, "X:"); x; x = strstr(x + 2, "X:")) {
		if (x == ret->version || (x[-1] != ' ' && x[-1] != '-'))
			continue;
		ret->experiments = arena_strndup(a, x + 2, strcspn(x + 2, " "));
		break;
	}
	return ret->experiments && ret->minor >= 0;
}

bool buildinfo_magic(const uint8_t *data)
{
	return !memcmp(data, "\xff Go buildinf:", 14) && (data[15] & FLAG_INLINE || data[14] == 4 || data[14] == 8);
}

struct decode {
	struct arena *arena;
	read_fn *read;
	const void *ctx;
	unsigned word;
	bool be;
};

static char *read_text(const struct decode *d, uint64_t addr, uint64_t len, uint64_t max)
{
	if (len > max)
		return NULL;
	/* The text is bounded before memory is asked for, and the arena forgets nothing: probe the last byte first. */
	uint8_t probe;
	if (len && !d->read(d->ctx, addr + len - 1, &probe, 1))
		return NULL;
	char *s = arena_alloc(d->arena, (size_t)len + 1);
	return s && d->read(d->ctx, addr, s, (size_t)len) ? s : NULL;
}

/* A string whose length precedes it; *addr moves behind it. */
static char *inline_string(const struct decode *d, uint64_t *addr, uint64_t max, uint64_t *len)
{
	uint8_t buf[10];
	size_t n = 0;
	while (n < sizeof(buf) && d->read(d->ctx, *addr + n, buf + n, 1) && buf[n++] & 0x80)
		continue;
	struct bytes b = bytes_of(buf, n, false);
	if (!bytes_uvarint(&b, len))
		return NULL;
	char *s = read_text(d, *addr + b.pos, *len, max);
	*addr += b.pos + *len;
	return s;
}

/* A pointer at addr to a Go string header. */
static char *pointed_string(const struct decode *d, uint64_t addr, uint64_t max, uint64_t *len)
{
	uint8_t buf[16];
	if (!d->read(d->ctx, addr, buf, d->word))
		return NULL;
	uint64_t head = load_uint(buf, d->word, d->be);
	if (!head || !d->read(d->ctx, head, buf, 2 * d->word))
		return NULL;
	*len = load_uint(buf + d->word, d->word, d->be);
	return read_text(d, load_uint(buf, d->word, d->be), *len, max);
}

/* Lines "path\tX", "mod\tX\tVERSION\tHASH" and others that are of no use here. */
static bool parse_modinfo(struct arena *a, const char *text, size_t len, struct buildinfo *ret)
{
	if (len < 2 * MODINFO_FENCE)
		return true;
	const char *s = text + MODINFO_FENCE, *end = text + len - MODINFO_FENCE;
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		const char *line_end = nl ? nl : end;
		const char *tab = memchr(s, '\t', (size_t)(line_end - s));
		if (tab && tab - s == 4 && !memcmp(s, "path", 4)) {
			ret->main_path = arena_strndup(a, tab + 1, (size_t)(line_end - tab - 1));
		} else if (tab && tab - s == 3 && !memcmp(s, "mod", 3)) {
			const char *name = tab + 1, *name_end = memchr(name, '\t', (size_t)(line_end - name));
			name_end = name_end ? name_end : line_end;
			const char *ver = name_end < line_end ? name_end + 1 : line_end;
			const char *ver_end = memchr(ver, '\t', (size_t)(line_end - ver));
			ver_end = ver_end ? ver_end : line_end;
			ret->module = arena_printf(a, "%.*s%s%.*s", (int)(name_end - name), name, ver < ver_end ? "@" : "",
			                           (int)(ver_end - ver), ver);
		}
		if (!ret->main_path || !ret->module)
			return false;
		s = nl ? nl + 1 : end;
	}
	return true;
}

bool buildinfo_decode(struct arena *a, read_fn *read, const void *ctx, uint64_t addr, bool be, struct buildinfo *ret)
{
	uint8_t head[BLOCK_HEAD];
	if (!read(ctx, addr, head, sizeof(head)) || !buildinfo_magic(head))
		return false;
	bool inl = head[15] & FLAG_INLINE;
	struct decode d = {a, read, ctx, inl ? 8 : head[14], inl ? be : (head[15] & FLAG_BIG_ENDIAN) != 0};
	uint64_t at = addr + BLOCK_HEAD, vlen = 0, mlen = 0;
	char *version = inl ? inline_string(&d, &at, VERSION_MAX, &vlen)
	                    : pointed_string(&d, addr + 16, VERSION_MAX, &vlen);
	if (!version)
		return false;
	struct buildinfo bi = {0};
	buildinfo_parse_version(a, version, (size_t)vlen, &bi);
	bi.main_path = arena_strndup(a, "", 0);
	bi.module = bi.main_path;
	char *modinfo = inl ? inline_string(&d, &at, MODINFO_MAX, &mlen)
	                    : pointed_string(&d, addr + 16 + d.word, MODINFO_MAX, &mlen);
	if (!bi.version || !bi.experiments || !bi.main_path ||
	    (modinfo && !parse_modinfo(a, modinfo, (size_t)mlen, &bi)))
		return false;
	*ret = bi;
	return true;
}
