/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hprof_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- memory, tables ---- */

static void *grow(void *p, uint64_t n, size_t size)
{
	if (n & (n - 1))
		return p;
	p = realloc(p, (size_t)(n ? 2 * n : 1) * size);
	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	return p;
}
#define PUSH(array, n) ((array) = grow(array, n, sizeof(*(array))), &(array)[(n)++])

static uint64_t hash(uint64_t x)
{
	x ^= x >> 29;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 32;
}

static bool table_put(struct hp_table *t, uint64_t key, uint32_t value)
{
	if (!t->keys || 2 * t->len > t->mask) {
		struct hp_table old = *t;
		t->mask = old.keys ? 2 * old.mask + 1 : 1023;
		t->keys = calloc((size_t)t->mask + 1, sizeof(*t->keys));
		t->values = calloc((size_t)t->mask + 1, sizeof(*t->values));
		t->len = 0;
		if (!t->keys || !t->values)
			exit(2);
		for (uint64_t i = 0; old.keys && i <= old.mask; i++)
			if (old.keys[i])
				table_put(t, old.keys[i], old.values[i]);
		free(old.keys);
		free(old.values);
	}
	uint64_t i = hash(key) & t->mask;
	while (t->keys[i] && t->keys[i] != key)
		i = (i + 1) & t->mask;
	if (t->keys[i])
		return false;
	t->keys[i] = key;
	t->values[i] = value;
	t->len++;
	return true;
}

bool hp_table_get(const struct hp_table *t, uint64_t key, uint32_t *ret)
{
	if (!t->keys || !key)
		return false;
	uint64_t i = hash(key) & t->mask;
	while (t->keys[i] && t->keys[i] != key)
		i = (i + 1) & t->mask;
	if (!t->keys[i])
		return false;
	*ret = t->values[i];
	return true;
}

void hp_report(struct hp_file *f, enum hp_severity sev, const char *rule, uint64_t offset, const char *fmt, ...)
{
	static const char *const names[] = {"note", "warning", "error"};
	unsigned i = 0;
	va_list ap;
	f->counts[sev]++;
	while (i < f->nrules && strcmp(f->rules[i].name, rule) != 0)
		i++;
	if (i == f->nrules && i < sizeof(f->rules) / sizeof(f->rules[0]))
		f->rules[f->nrules++] = (struct hp_rule){rule, 0};
	if (i < f->nrules && f->rules[i].count++ >= f->shown_max)
		return;
	printf("%s: %s: at %" PRIu64 ": ", names[sev], rule, offset);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* ---- access ---- */

uint16_t hp_u16(const struct hp_file *f, uint64_t at)
{
	return (uint16_t)(f->data[at] << 8 | f->data[at + 1]);
}

uint32_t hp_u32(const struct hp_file *f, uint64_t at)
{
	return (uint32_t)hp_u16(f, at) << 16 | hp_u16(f, at + 2);
}

uint64_t hp_u64(const struct hp_file *f, uint64_t at)
{
	return (uint64_t)hp_u32(f, at) << 32 | hp_u32(f, at + 4);
}

unsigned hp_type_size(uint8_t type)
{
	static const uint8_t size[] = {0, 0, 8, 0, 1, 2, 4, 8, 1, 2, 4, 8};
	return type < sizeof(size) ? size[type] : 0;
}

char *hp_text(const struct hp_file *f, uint64_t string)
{
	uint32_t i;
	if (!hp_table_get(&f->string_at, string, &i))
		return NULL;
	return strndup((const char *)f->data + f->strings[i].offset, f->strings[i].len);
}

struct hp_class *hp_class_of(struct hp_file *f, uint64_t id)
{
	uint32_t i;
	return hp_table_get(&f->class_at, id, &i) ? &f->classes[i] : NULL;
}

bool hp_is_a(struct hp_file *f, const struct hp_class *c, const char *name)
{
	for (unsigned depth = 0; c && depth < 64; depth++) {
		if (strcmp(c->name, name) == 0)
			return true;
		c = hp_class_of(f, c->super);
	}
	return false;
}

bool hp_field(struct hp_file *f, const struct hp_class *c, const char *name, uint64_t *offset, uint8_t *type)
{
	uint64_t at = 0;
	for (unsigned depth = 0; c && depth < 64; depth++) {
		for (uint32_t i = 0; i < c->nfields; i++) {
			char *n = hp_text(f, hp_u64(f, c->fields + 9 * (uint64_t)i));
			uint8_t t = f->data[c->fields + 9 * (uint64_t)i + 8];
			bool found = n && strcmp(n, name) == 0;
			free(n);
			if (found) {
				*offset = at;
				*type = t;
				return true;
			}
			at += hp_type_size(t);
		}
		c = hp_class_of(f, c->super);
	}
	return false;
}

char *hp_java_string(struct hp_file *f, uint64_t id)
{
	uint32_t i, k;
	uint64_t value, offset, count;
	uint8_t type;
	if (!hp_table_get(&f->object_at, id, &i) || f->objects[i].kind != HP_INSTANCE)
		return NULL;
	const struct hp_object *o = &f->objects[i];
	struct hp_class *c = &f->classes[o->class];
	if (!hp_is_a(f, c, "java.lang.String") || !hp_field(f, c, "value", &value, &type))
		return NULL;
	if (!hp_table_get(&f->object_at, hp_u64(f, o->offset + value), &k) || f->objects[k].kind != HP_PRIM_ARRAY ||
	    f->objects[k].type != 8)
		return NULL;
	uint64_t from = 0, n = f->objects[k].n;
	if (hp_field(f, c, "offset", &offset, &type) && hp_field(f, c, "count", &count, &type)) {
		from = hp_u32(f, o->offset + offset);
		n = hp_u32(f, o->offset + count);
		if (from > f->objects[k].n || n > f->objects[k].n - from)
			return NULL;
	}
	return strndup((const char *)f->data + f->objects[k].offset + from, (size_t)n);
}

void hp_refs(struct hp_file *f, const struct hp_object *o, hp_ref_fn *fn, void *ctx)
{
	if (o->kind == HP_OBJ_ARRAY)
		for (uint64_t i = 0; i < o->n; i++) {
			uint64_t id = hp_u64(f, o->offset + 8 * i);
			if (id)
				fn(ctx, id, o->offset + 8 * i);
		}
	if (o->kind != HP_INSTANCE || o->class == UINT32_MAX)
		return;
	const struct hp_class *c = &f->classes[o->class];
	uint64_t at = o->offset, end = o->offset + o->n;
	for (unsigned depth = 0; c && depth < 64; depth++) {
		for (uint32_t i = 0; i < c->nfields; i++) {
			uint8_t type = f->data[c->fields + 9 * (uint64_t)i + 8];
			if (at + hp_type_size(type) > end)
				return;
			uint64_t id = type == 2 ? hp_u64(f, at) : 0;
			if (id)
				fn(ctx, id, at);
			at += hp_type_size(type);
		}
		c = hp_class_of(f, c->super);
	}
}

void hp_class_refs(struct hp_file *f, const struct hp_class *c, hp_ref_fn *fn, void *ctx)
{
	uint64_t at = c->statics;
	for (uint32_t i = 0; i < c->nstatics; i++) {
		uint8_t type = f->data[at + 8];
		uint64_t id = type == 2 ? hp_u64(f, at + 9) : 0;
		if (id)
			fn(ctx, id, at + 9);
		at += 9 + hp_type_size(type);
	}
}

uint64_t hp_size_file(const struct hp_file *f, const struct hp_object *o)
{
	if (o->kind == HP_INSTANCE)
		return o->class == UINT32_MAX ? 0 : f->classes[o->class].size;
	return (uint64_t)o->n * (o->kind == HP_OBJ_ARRAY ? 8 : hp_type_size(o->type));
}

uint64_t hp_size_mat(const struct hp_file *f, const struct hp_object *o)
{
	if (o->kind == HP_INSTANCE)
		return o->class == UINT32_MAX ? 0 : f->classes[o->class].mat;
	return (hp_size_file(f, o) + (o->kind == HP_OBJ_ARRAY ? 20 : 24) + 7) & ~UINT64_C(7);
}

/* ---- reading ---- */

static bool utf8_ok(const uint8_t *p, uint64_t n)
{
	for (uint64_t i = 0; i < n;) {
		unsigned len = p[i] < 0x80 ? 1 : p[i] >= 0xc2 && p[i] < 0xe0 ? 2 : p[i] >= 0xe0 && p[i] < 0xf0 ? 3 :
		               p[i] >= 0xf0 && p[i] < 0xf5 ? 4 : 0;
		if (!len || len > n - i)
			return false;
		for (unsigned k = 1; k < len; k++)
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
		i += len;
	}
	return true;
}

static void read_string(struct hp_file *f, uint64_t at, uint32_t len)
{
	if (len < 8) {
		hp_report(f, HP_ERROR, "record-short", at, "a STRING of %u bytes", len);
		return;
	}
	struct hp_string *s = PUSH(f->strings, f->nstrings);
	*s = (struct hp_string){hp_u64(f, at), at + 8, len - 8};
	if (!s->id)
		hp_report(f, HP_ERROR, "string-id", at, "a STRING has id 0");
	else if (!table_put(&f->string_at, s->id, (uint32_t)(f->nstrings - 1)))
		hp_report(f, HP_ERROR, "string-duplicate", at, "a second STRING of id %#" PRIx64, s->id);
	if (!utf8_ok(f->data + s->offset, s->len))
		hp_report(f, HP_WARNING, "string-utf8", at, "a STRING is not UTF-8");
	if (s->len > 32768)
		hp_report(f, HP_ERROR, "string-long", at, "a STRING of %u bytes: VisualVM maps windows that overlap by 32 KB", s->len);
}

static bool known_string(const struct hp_file *f, uint64_t id)
{
	uint32_t i;
	return hp_table_get(&f->string_at, id, &i);
}

static void read_load_class(struct hp_file *f, uint64_t at, uint32_t len)
{
	if (len != 24) {
		hp_report(f, HP_ERROR, "record-short", at, "a LOAD_CLASS of %u bytes", len);
		return;
	}
	struct hp_loaded l = {hp_u32(f, at), hp_u64(f, at + 4), hp_u64(f, at + 16)};
	if (!known_string(f, l.name))
		hp_report(f, HP_ERROR, "class-name", at, "class %#" PRIx64 ": no STRING %#" PRIx64 " comes before its LOAD_CLASS", l.id,
		          l.name);
	for (uint64_t i = f->nloaded; i-- > 0 && f->nloaded < 20000;)
		if (f->loaded[i].serial == l.serial)
			hp_report(f, HP_ERROR, "class-serial", at, "class serial %u is used twice", l.serial);
	*PUSH(f->loaded, f->nloaded) = l;
	if (!table_put(&f->loaded_at, l.id, (uint32_t)(f->nloaded - 1)))
		hp_report(f, HP_WARNING, "load-class-duplicate", at, "class %#" PRIx64 " is loaded twice", l.id);
}

static void read_frame(struct hp_file *f, uint64_t at, uint32_t len)
{
	if (len != 40) {
		hp_report(f, HP_ERROR, "record-short", at, "a STACK_FRAME of %u bytes", len);
		return;
	}
	struct hp_frame r = {hp_u64(f, at), hp_u64(f, at + 8), hp_u64(f, at + 16), hp_u64(f, at + 24), hp_u32(f, at + 32),
	                     (int32_t)hp_u32(f, at + 36)};
	*PUSH(f->frames, f->nframes) = r;
	if (!table_put(&f->frame_at, r.id, (uint32_t)(f->nframes - 1)))
		hp_report(f, HP_ERROR, "frame-duplicate", at, "a second STACK_FRAME of id %#" PRIx64, r.id);
	if (!known_string(f, r.method) || !known_string(f, r.signature) || (r.source && !known_string(f, r.source)))
		hp_report(f, HP_ERROR, "frame-string", at, "frame %#" PRIx64 " names an unknown STRING", r.id);
	bool found = false;
	for (uint64_t i = 0; i < f->nloaded && !found; i++)
		found = f->loaded[i].serial == r.class_serial;
	if (!found)
		hp_report(f, HP_ERROR, "frame-class", at, "frame %#" PRIx64 ": no class has serial %u", r.id, r.class_serial);
	if (r.line < -3)
		hp_report(f, HP_ERROR, "frame-line", at, "frame %#" PRIx64 " has line %d", r.id, r.line);
}

static void read_trace(struct hp_file *f, uint64_t at, uint32_t len)
{
	if (len < 12 || (uint64_t)hp_u32(f, at + 8) * 8 + 12 != len) {
		hp_report(f, HP_ERROR, "trace-length", at, "a STACK_TRACE of %u bytes", len);
		return;
	}
	struct hp_trace t = {hp_u32(f, at), hp_u32(f, at + 4), hp_u32(f, at + 8), at + 12};
	uint32_t k;
	*PUSH(f->traces, f->ntraces) = t;
	for (uint64_t i = 0; i < t.n; i++)
		if (!hp_table_get(&f->frame_at, hp_u64(f, t.offset + 8 * i), &k))
			hp_report(f, HP_ERROR, "trace-frame", at, "trace %u: no frame %#" PRIx64, t.serial, hp_u64(f, t.offset + 8 * i));
}

/* ---- sub-records ---- */

static char *plain_name(const char *raw)
{
	static const struct {
		char c;
		const char *name;
	} basic[] = {{'Z', "boolean"}, {'C', "char"}, {'F', "float"}, {'D', "double"}, {'B', "byte"}, {'S', "short"},
	             {'I', "int"}, {'J', "long"}};
	size_t dims = strspn(raw, "["), len = strlen(raw);
	char *out = malloc(len + 2 * dims + 16), *p = out;
	const char *from = raw + dims;
	if (!out)
		exit(2);
	if (dims && *from == 'L' && raw[len - 1] == ';') {
		p += sprintf(p, "%.*s", (int)(len - dims - 2), from + 1);
	} else if (dims && len == dims + 1) {
		for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++)
			if (basic[i].c == *from)
				p += sprintf(p, "%s", basic[i].name);
	} else {
		p += sprintf(p, "%s", raw);
		dims = 0;
	}
	for (char *c = out; c < p; c++)
		if (*c == '/')
			*c = '.';
	while (dims--)
		p += sprintf(p, "[]");
	*p = '\0';
	return out;
}

/* The bytes of a class dump from its tag on; 0: it does not fit before end. */
static uint64_t read_class(struct hp_file *f, uint64_t at, uint64_t end)
{
	uint64_t p = at + 71 - 4;
	uint32_t i;
	if (end - at < 71)
		return 0;
	struct hp_class c = {.id = hp_u64(f, at + 1), .super = hp_u64(f, at + 13), .loader = hp_u64(f, at + 21),
	                     .size = hp_u32(f, at + 61)};
	p = at + 65;
	if (hp_u16(f, p) != 0) {
		hp_report(f, HP_WARNING, "constants", at, "class %#" PRIx64 " has a constant pool", c.id);
		for (unsigned n = hp_u16(f, p), k = 0; k < n && p + 5 <= end; k++)
			p += 3 + hp_type_size(f->data[p + 4]);
	}
	p += 2;
	c.nstatics = hp_u16(f, p);
	c.statics = p += 2;
	for (uint32_t k = 0; k < c.nstatics; k++) {
		unsigned size = p + 11 <= end ? hp_type_size(f->data[p + 8]) : 0;
		if (!size || p + 9 + size + 2 > end)
			return 0;
		if (!known_string(f, hp_u64(f, p)))
			hp_report(f, HP_ERROR, "field-name", p, "a static of class %#" PRIx64 " names an unknown STRING", c.id);
		p += 9 + size;
		f->mat_classes += size;
	}
	c.nfields = hp_u16(f, p);
	c.fields = p += 2;
	if (9 * (uint64_t)c.nfields > end - p)
		return 0;
	for (uint32_t k = 0; k < c.nfields; k++, p += 9) {
		uint8_t type = f->data[p + 8];
		if (!hp_type_size(type))
			return 0;
		c.own += hp_type_size(type);
		c.refs += type == 2;
		if (!known_string(f, hp_u64(f, p)))
			hp_report(f, HP_ERROR, "field-name", p, "a field of class %#" PRIx64 " names an unknown STRING", c.id);
	}
	c.raw = hp_table_get(&f->loaded_at, c.id, &i) ? hp_text(f, f->loaded[i].name) : NULL;
	if (!c.raw) {
		hp_report(f, HP_ERROR, "class-not-loaded", at, "class %#" PRIx64 " has no LOAD_CLASS", c.id);
		c.raw = strdup("?");
	}
	c.name = plain_name(c.raw);
	c.payload = c.own;
	if (c.super) {
		struct hp_class *super = hp_class_of(f, c.super);
		if (super)
			c.payload += super->payload;
		else
			hp_report(f, HP_ERROR, "superclass", at, "class %s: superclass %#" PRIx64 " does not come before it", c.name, c.super);
	}
	if (c.nfields > 32767 || c.nstatics > 32767)
		hp_report(f, HP_ERROR, "field-count", at, "class %s has %u fields and %u statics: VisualVM reads signed counts", c.name,
		          c.nfields, c.nstatics);
	if (f->nobjects)
		hp_report(f, HP_WARNING, "class-late", at, "class %s is dumped after the first object", c.name);
	*PUSH(f->classes, f->nclasses) = c;
	if (!table_put(&f->class_at, c.id, (uint32_t)(f->nclasses - 1)))
		hp_report(f, HP_ERROR, "id-duplicate", at, "a second class of id %#" PRIx64, c.id);
	return p - at;
}

static void add_object(struct hp_file *f, uint64_t at, struct hp_object o)
{
	*PUSH(f->objects, f->nobjects) = o;
	if (!o.id)
		hp_report(f, HP_ERROR, "id-zero", at, "an object has id 0");
	else if (!table_put(&f->object_at, o.id, (uint32_t)(f->nobjects - 1)))
		hp_report(f, HP_ERROR, "id-duplicate", at, "a second object of id %#" PRIx64, o.id);
}

static uint64_t read_instance(struct hp_file *f, uint64_t at, uint64_t end)
{
	if (end - at < 25 || hp_u32(f, at + 21) > end - at - 25)
		return 0;
	uint32_t n = hp_u32(f, at + 21), class = UINT32_MAX;
	uint64_t id = hp_u64(f, at + 1);
	if (!hp_table_get(&f->class_at, hp_u64(f, at + 13), &class)) {
		hp_report(f, HP_ERROR, "instance-class", at, "object %#" PRIx64 ": no class dump %#" PRIx64 " before it", id,
		          hp_u64(f, at + 13));
		class = UINT32_MAX;
	} else if (f->classes[class].payload != n) {
		hp_report(f, HP_ERROR, "payload", at, "object %#" PRIx64 " of class %s has %u bytes of values, its fields %" PRIu64, id,
		          f->classes[class].name, n, f->classes[class].payload);
	}
	if (n > 32768)
		hp_report(f, HP_WARNING, "payload-long", at, "object %#" PRIx64 " has %u bytes of values", id, n);
	add_object(f, at, (struct hp_object){id, at + 25, n, class, HP_INSTANCE, 0});
	return 25 + (uint64_t)n;
}

static uint64_t read_obj_array(struct hp_file *f, uint64_t at, uint64_t end, uint64_t *last_at, uint64_t *last_n)
{
	if (end - at < 25 || (uint64_t)hp_u32(f, at + 13) * 8 > end - at - 25)
		return 0;
	uint32_t n = hp_u32(f, at + 13), class = UINT32_MAX;
	uint64_t id = hp_u64(f, at + 1);
	if (!hp_table_get(&f->class_at, hp_u64(f, at + 17), &class)) {
		hp_report(f, HP_ERROR, "instance-class", at, "array %#" PRIx64 ": no class dump %#" PRIx64, id, hp_u64(f, at + 17));
		class = UINT32_MAX;
	} else if (f->classes[class].raw[0] != '[') {
		hp_report(f, HP_ERROR, "array-name", at, "array %#" PRIx64 " has class %s, which is no array", id, f->classes[class].raw);
	}
	if (n >= 1u << 28)
		hp_report(f, HP_ERROR, "array-long", at, "array %#" PRIx64 " of %u references: VisualVM computes offsets as int", id, n);
	if (*last_at && id > *last_at && id < *last_at + 16 + 8 * *last_n)
		hp_report(f, HP_WARNING, "compressed-oops", at, "array %#" PRIx64 " begins inside of %#" PRIx64 ", so Eclipse MAT takes "
		          "references for 4 bytes", id, *last_at);
	*last_at = id;
	*last_n = n;
	add_object(f, at, (struct hp_object){id, at + 25, n, class, HP_OBJ_ARRAY, 2});
	return 25 + 8 * (uint64_t)n;
}

static uint64_t read_prim_array(struct hp_file *f, uint64_t at, uint64_t end)
{
	unsigned size = end - at < 18 ? 0 : hp_type_size(f->data[at + 17]);
	if (!size || f->data[at + 17] == 2 || (uint64_t)hp_u32(f, at + 13) * size > end - at - 18)
		return 0;
	uint32_t n = hp_u32(f, at + 13);
	if (n > INT32_MAX)
		hp_report(f, HP_ERROR, "array-long", at, "an array of %u elements: readers take lengths for signed", n);
	add_object(f, at, (struct hp_object){hp_u64(f, at + 1), at + 18, n, UINT32_MAX, HP_PRIM_ARRAY, f->data[at + 17]});
	return 18 + (uint64_t)n * size;
}

static uint64_t read_root(struct hp_file *f, uint64_t at, uint64_t end)
{
	uint8_t tag = f->data[at];
	uint64_t size = tag == 0xff || tag == 5 || tag == 7 ? 9 : tag == 4 || tag == 6 ? 13 : 17;
	if (end - at < size)
		return 0;
	struct hp_root r = {.tag = tag, .id = hp_u64(f, at + 1), .frame = UINT32_MAX};
	if (size == 13 || tag == 2 || tag == 3 || tag == 8)
		r.thread = hp_u32(f, at + 9);
	if (tag == 2 || tag == 3 || tag == 8)
		r.frame = hp_u32(f, at + 13);
	*PUSH(f->roots, f->nroots) = r;
	return size;
}

static void read_segment(struct hp_file *f, uint64_t at, uint64_t end)
{
	static uint64_t last_at, last_n;
	if (!f->nsegments++)
		last_at = last_n = 0;
	if (end - at > UINT64_C(1) << 32)
		hp_report(f, HP_WARNING, "segment-long", at, "a segment of more than 4 GiB");
	while (at < end) {
		uint64_t n = 0;
		switch (f->data[at]) {
		case 0x20: n = read_class(f, at, end); break;
		case 0x21: n = read_instance(f, at, end); break;
		case 0x22: n = read_obj_array(f, at, end, &last_at, &last_n); break;
		case 0x23: n = read_prim_array(f, at, end); break;
		case 0xff: case 0x01: case 0x02: case 0x03: case 0x04: case 0x05: case 0x06: case 0x07: case 0x08:
			n = read_root(f, at, end);
			break;
		default:
			hp_report(f, HP_ERROR, "sub-tag", at, "unknown sub-record %#x", f->data[at]);
			return;
		}
		if (!n) {
			hp_report(f, HP_ERROR, "sub-record", at, "sub-record %#x is damaged or crosses its segment's end", f->data[at]);
			return;
		}
		at += n;
	}
}

static void read_records(struct hp_file *f)
{
	uint64_t at = 31;
	bool in_dump = false;
	while (at < f->size) {
		if (f->size - at < 9 || hp_u32(f, at + 5) > f->size - at - 9) {
			hp_report(f, HP_ERROR, "past-end", at, "record %#x goes beyond the end of the file", f->data[at]);
			return;
		}
		uint8_t tag = f->data[at];
		uint32_t len = hp_u32(f, at + 5);
		if (f->ended)
			hp_report(f, HP_ERROR, "after-end", at, "record %#x comes after HEAP_DUMP_END", tag);
		if (hp_u32(f, at + 1))
			hp_report(f, HP_WARNING, "time", at, "record %#x has time %u: Eclipse MAT derives dates from it", tag, hp_u32(f, at + 1));
		if (in_dump && tag != 0x1c && tag != 0x2c)
			hp_report(f, HP_ERROR, "between-segments", at, "record %#x lies between segments", tag);
		if (len == 0 && tag != 0x2c)
			hp_report(f, HP_ERROR, "empty-record", at, "record %#x has no body", tag);
		at += 9;
		switch (tag) {
		case 0x01: read_string(f, at, len); break;
		case 0x02: read_load_class(f, at, len); break;
		case 0x04: read_frame(f, at, len); break;
		case 0x05: read_trace(f, at, len); break;
		case 0x0c: hp_report(f, HP_ERROR, "heap-dump", at, "a HEAP_DUMP record: limited to 4 GB");
			/* fall through */
		case 0x1c:
			in_dump = true;
			read_segment(f, at, at + len);
			break;
		case 0x2c:
			if (len)
				hp_report(f, HP_ERROR, "end-body", at, "HEAP_DUMP_END has a body");
			f->ended = true;
			break;
		case 0x07: hp_report(f, HP_WARNING, "summary", at, "a HEAP_SUMMARY: VisualVM's total wraps at 2 GB"); break;
		case 0x03: case 0x06: case 0x0a: case 0x0b: case 0x0d: case 0x0e:
			break;
		default: hp_report(f, HP_ERROR, "tag", at - 9, "unknown record %#x", tag);
		}
		at += len;
	}
	if (!f->ended)
		hp_report(f, HP_ERROR, "no-end", at, "there is no HEAP_DUMP_END");
}

bool hp_open(struct hp_file *f, const char *path)
{
	static const char magic[] = "JAVA PROFILE 1.0.2";
	struct stat st;
	unsigned shown = f->shown_max;
	memset(f, 0, sizeof(*f));
	f->shown_max = shown;
	int fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
		return false;
	f->size = (uint64_t)st.st_size;
	f->data = f->size ? mmap(NULL, (size_t)f->size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	close(fd);
	if (f->size && f->data == MAP_FAILED)
		return false;
	if (f->size < 31 || memcmp(f->data, magic, sizeof(magic)) != 0 || hp_u32(f, 19) != 8) {
		hp_report(f, HP_ERROR, "header", 0, "this is no HPROF 1.0.2 with identifiers of 8 bytes");
		return true;
	}
	f->time_ms = hp_u64(f, 23);
	read_records(f);
	return true;
}

void hp_close(struct hp_file *f)
{
	struct hp_table *tables[] = {&f->string_at, &f->loaded_at, &f->frame_at, &f->class_at, &f->object_at};
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		free(tables[i]->keys);
		free(tables[i]->values);
	}
	for (uint64_t i = 0; i < f->nclasses; i++) {
		free(f->classes[i].name);
		free((char *)(uintptr_t)f->classes[i].raw);
	}
	free(f->strings);
	free(f->loaded);
	free(f->frames);
	free(f->traces);
	free(f->classes);
	free(f->objects);
	free(f->roots);
	if (f->data)
		munmap((void *)(uintptr_t)f->data, (size_t)f->size);
	memset(f, 0, sizeof(*f));
}

uint64_t hp_size_visualvm(const struct hp_file *f, const struct hp_object *o)
{
	return o->kind == HP_INSTANCE ? hp_size_file(f, o) : (hp_size_file(f, o) + 20 + 7) & ~UINT64_C(7);
}
