/* SPDX-License-Identifier: MIT */
/*
 * Classes. Readers disagree on the size of an instance: VisualVM and shark take it from the class dump, Eclipse MAT and
 * others add up the fields and a header of 16 bytes. They agree where filler fields make both the same; where there
 * is no room for the header, the superclass is "<method>", of whose subclasses MAT (from 1.15) believes the class dump.
 */
#include <stdio.h>

#include "base/err.h"
#include "writers/hprof.h"
#include "writers/hprof_names.h"

enum {
	MAX_FILLER = 256,
	CLASS_DUMP_HEAD = 71,
	GO_STATICS = 3,
};

static const struct fixed_field reference_fields[] = {{"referent", HPROF_OBJECT}};
static const struct fixed_field string_fields[] = {
	{"value", HPROF_OBJECT}, {"coder", HPROF_BYTE}, {"offset", HPROF_INT}, {"count", HPROF_INT}};
static const struct fixed_field thread_fields[] = {
	{"name", HPROF_OBJECT}, {"daemon", HPROF_BOOLEAN}, {"priority", HPROF_INT}, {"tid", HPROF_LONG},
	{"threadStatus", HPROF_INT}};
static const struct fixed_field text_fields[] = {{"of", HPROF_OBJECT}};
static const struct fixed_field const_fields[] = {
	{"type", HPROF_OBJECT}, {"text", HPROF_OBJECT}, {"number", HPROF_LONG}, {"real", HPROF_DOUBLE}};
static const struct fixed_field chunked_fields[] = {
	{"parts", HPROF_OBJECT}, {"len", HPROF_LONG}, {"elemsize", HPROF_INT}};
static const struct fixed_field goroutine_fields[] = {
	{"g", HPROF_OBJECT}, {"state", HPROF_OBJECT}, {"creator", HPROF_OBJECT}};

#define FIELDS(f) f, sizeof(f) / sizeof((f)[0])

/* size: the u4 of the class dump. 16 for java.lang.Object makes VisualVM take the sizes of all classes as they are. */
static const struct known {
	const char *name;
	uint8_t super;
	uint32_t size;
	const struct fixed_field *fixed;
	uint32_t nfixed;
} known[KNOWN_COUNT] = {
	[KNOWN_OBJECT] = {"java/lang/Object", KNOWN_OBJECT, HPROF_HEADER, NULL, 0},
	[KNOWN_METHOD] = {"<method>", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_CLASS] = {"java/lang/Class", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_LOADER] = {"java/lang/ClassLoader", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_STRING] = {"java/lang/String", KNOWN_METHOD, 0, FIELDS(string_fields)},
	[KNOWN_THREAD] = {"java/lang/Thread", KNOWN_OBJECT, HPROF_THREAD_SIZE, FIELDS(thread_fields)},
	[KNOWN_REFERENCE] = {"java/lang/ref/Reference", KNOWN_OBJECT, 24, FIELDS(reference_fields)},
	[KNOWN_WEAK] = {"java/lang/ref/WeakReference", KNOWN_REFERENCE, 24, NULL, 0},
	[KNOWN_SOFT] = {"java/lang/ref/SoftReference", KNOWN_REFERENCE, 24, NULL, 0},
	[KNOWN_FINAL] = {"java/lang/ref/FinalReference", KNOWN_REFERENCE, 24, NULL, 0},
	[KNOWN_PHANTOM] = {"java/lang/ref/PhantomReference", KNOWN_REFERENCE, 24, NULL, 0},
	[KNOWN_BOOLEANS] = {"[Z", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_CHARS] = {"[C", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_FLOATS] = {"[F", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_DOUBLES] = {"[D", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_BYTES] = {"[B", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_SHORTS] = {"[S", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_INTS] = {"[I", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_LONGS] = {"[J", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_OBJECTS] = {"[Ljava/lang/Object;", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_TEXT] = {"go/text", KNOWN_STRING, 1, FIELDS(text_fields)},
	[KNOWN_CONST] = {"go/const", KNOWN_METHOD, 1, FIELDS(const_fields)},
	[KNOWN_ZERO] = {"go/zerobase", KNOWN_METHOD, 1, NULL, 0},
	[KNOWN_CHUNKED] = {"go/chunked", KNOWN_METHOD, 1, FIELDS(chunked_fields)},
	[KNOWN_CHUNKS] = {"[Lgo/chunk;", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_GOROUTINE] = {"go/goroutine", KNOWN_THREAD, 1, FIELDS(goroutine_fields)},
	[KNOWN_UNKNOWNS] = {"[Lgo/unknown;", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_DATA] = {"[Lgo/data;", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_FINALIZERS] = {"[Lruntime/finalizer;", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_FINQUEUE] = {"[Lruntime/queuedFinalizer;", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_CLEANUPS] = {"[Lruntime/cleanup;", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_WEAKHANDLES] = {"[Lruntime/weakHandle;", KNOWN_OBJECT, 0, NULL, 0},
	[KNOWN_ROOTS] = {"[Lruntime/root;", KNOWN_OBJECT, 0, NULL, 0},
};

/* ---- fields ---- */

typedef void field_fn(struct hprof *h, const char *name, size_t len, uint8_t type, void *ctx);

static bool is_thread_field(const char *name)
{
	for (size_t i = 0; i < sizeof(thread_fields) / sizeof(thread_fields[0]); i++)
		if (strcmp(name, thread_fields[i].name) == 0)
			return true;
	return false;
}

static void layout_field(struct hprof *h, const struct hprof_class *c, const struct place *at, uint32_t i, field_fn *fn,
                         void *ctx)
{
	struct name *n = &h->scratch2;
	const char *rest = at->name;
	bool ok = true;
	n->len = 0;
	if (c->indexed) {
		ok = hprof_text_printf(n, "_%u", i);
	} else if (c->layout->is_struct) {
		rest += *rest == '$';
	} else {
		ok = hprof_text_puts(n, "value");
	}
	ok = ok && hprof_text_puts(n, rest);
	if (ok && (hprof_field_reserved(n->text) || (c->super == KNOWN_THREAD && is_thread_field(n->text))))
		ok = hprof_text_puts(n, "_");
	if (ok)
		fn(h, n->text, n->len, at->type, ctx);
	h->failed |= !ok;
}

/* All own fields of a class, in the order of their values. */
static void each_field(struct hprof *h, const struct hprof_class *c, field_fn *fn, void *ctx)
{
	static const uint8_t filler[] = {HPROF_LONG, HPROF_INT, HPROF_SHORT, HPROF_BYTE};
	char name[32];
	for (uint32_t i = 0; i < c->nfixed; i++)
		fn(h, c->fixed[i].name, strlen(c->fixed[i].name), c->fixed[i].type, ctx);
	for (uint32_t i = 0; c->layout && i < c->count; i++)
		for (uint32_t k = 0; k < c->layout->n; k++)
			layout_field(h, c, &c->layout->places[k], i, fn, ctx);
	uint32_t left = c->pad;
	for (unsigned k = 0, i = 0; left; ) {
		if (left < hprof_type_size(filler[k])) {
			k++;
			continue;
		}
		left -= hprof_type_size(filler[k]);
		int n = snprintf(name, sizeof(name), "pad$%u", i++);
		fn(h, name, (size_t)n, filler[k], ctx);
	}
}

static void field_name(struct hprof *h, const char *name, size_t len, uint8_t type, void *ctx)
{
	uint32_t *n = ctx;
	(void)type;
	hprof_name(&h->out, name, len);
	(*n)++;
}

static uint32_t own_payload(const struct hprof_class *c)
{
	uint32_t n = c->layout ? c->layout->payload * c->count : 0;
	for (uint32_t i = 0; i < c->nfixed; i++)
		n += hprof_type_size(c->fixed[i].type);
	return n;
}

/* ---- making classes ---- */

static void choose_super(struct hprof_class *c, uint64_t useful)
{
	uint64_t head = c->super == KNOWN_THREAD ? HPROF_THREAD_SIZE : HPROF_HEADER;
	bool fits = c->size % 8 == 0 && useful + head <= c->size && c->size - head - useful <= MAX_FILLER;
	if (fits)
		c->pad = (uint32_t)(c->size - head - useful);
	else if (c->super == KNOWN_OBJECT)
		c->super = KNOWN_METHOD;
}

static const char *const go_statics[GO_STATICS] = {"go$typesize", "go$sizeclass", "go$waste"};

uint32_t hprof_class_add(struct hprof *h, struct hprof_class c, const char *name)
{
	uint32_t index = (uint32_t)h->classes.len, nfields = 0;
	uint32_t useful = own_payload(&c);
	bool is_known = index < KNOWN_COUNT;
	if (!is_known && c.size)
		choose_super(&c, useful);
	c.payload = useful + c.pad;
	if (index != KNOWN_OBJECT)
		c.payload += h->classes.data[c.super].payload;
	c.name = hprof_name(&h->out, name, strlen(name));
	each_field(h, &c, field_name, &nfields);
	for (unsigned i = 0; c.statics && i < GO_STATICS; i++)
		hprof_name(&h->out, go_statics[i], strlen(go_statics[i]));
	hprof_load_class(&h->out, index + 1, class_id(index), c.name);
	if (!vec_push(&h->classes, c))
		h->failed = true;
	h->failed |= h->out.failed;
	return h->failed ? KNOWN_OBJECT : index;
}

void hprof_known_classes(struct hprof *h)
{
	for (uint32_t i = 0; i < KNOWN_COUNT && !h->failed; i++) {
		const struct known *k = &known[i];
		struct hprof_class c = {.super = k->super, .size = k->size, .fixed = k->fixed, .nfixed = k->nfixed};
		hprof_class_add(h, c, k->name);
	}
}

uint32_t hprof_class_named(struct hprof *h, const char *key, size_t len)
{
	uint32_t id;
	if (!strtab_add(&h->class_texts, key, len, &id)) {
		h->failed = true;
		return KNOWN_OBJECT;
	}
	if (id < h->class_of_text.len)
		return h->class_of_text.data[id];
	struct name name = {0};
	const char *text = strtab_text(&h->class_texts, id);
	uint32_t class = KNOWN_OBJECT;
	if (name_clean(&name, text)) {
		hprof_text_cut(&name, HPROF_NAME_MAX);
		class = hprof_class_add(h, (struct hprof_class){.super = KNOWN_OBJECT}, name.len ? name.text : "go.unnamed");
	} else {
		h->failed = true;
	}
	name_free(&name);
	h->failed |= !vec_push(&h->class_of_text, class);
	return class;
}

/* ---- class dumps ---- */

static void count_field(struct hprof *h, const char *name, size_t len, uint8_t type, void *ctx)
{
	uint32_t *n = ctx;
	(void)h, (void)name, (void)len, (void)type;
	(*n)++;
}

static void put_field(struct hprof *h, const char *name, size_t len, uint8_t type, void *ctx)
{
	uint8_t **p = ctx;
	*p = be64(*p, hprof_name_known(&h->out, name, len));
	*(*p)++ = type;
}

static uint8_t *put_go_statics(struct hprof *h, const struct hprof_class *c, uint8_t *p)
{
	uint64_t value[GO_STATICS] = {c->type_size, c->size, c->size > c->type_size ? c->size - c->type_size : 0};
	for (unsigned i = 0; i < GO_STATICS; i++) {
		p = be64(p, hprof_name_known(&h->out, go_statics[i], strlen(go_statics[i])));
		*p++ = HPROF_LONG;
		p = be64(p, value[i]);
	}
	return p;
}

static void class_dump(struct hprof *h, uint32_t index)
{
	const struct hprof_class *c = &h->classes.data[index];
	uint32_t nfields = 0, nstatics = c->nstatics + (c->statics ? (uint32_t)GO_STATICS : 0);
	size_t statics_size = c->statics ? GO_STATICS * 17 : 0;
	each_field(h, c, count_field, &nfields);
	for (uint32_t i = 0; i < c->nstatics; i++)
		statics_size += 9 + hprof_type_size(h->statics.data[c->first_static + i].type);
	uint8_t *p = hprof_sub(&h->out, CLASS_DUMP_HEAD + statics_size + 9 * (size_t)nfields);
	*p++ = HPROF_CLASS_DUMP;
	p = be64(p, class_id(index));
	p = be32(p, 0);
	p = be64(p, index == KNOWN_OBJECT ? 0 : class_id(c->super));
	memset(p, 0, 40); /* loader, signers, protection domain, reserved */
	p = be32(p + 40, (uint32_t)c->size);
	p = be16(p, 0); /* constants */
	p = be16(p, (uint16_t)nstatics);
	if (c->statics)
		p = put_go_statics(h, c, p);
	p = hprof_put_statics(h, c, p);
	p = be16(p, (uint16_t)nfields);
	each_field(h, c, put_field, &p);
	h->totals.classes++;
	h->totals.class_bytes += statics_size - 9 * nstatics;
}

void hprof_class_dumps(struct hprof *h)
{
	h->sealed = true;
	for (uint32_t i = 0; i < h->classes.len && !h->failed; i++)
		class_dump(h, i);
}
