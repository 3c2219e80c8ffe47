/* SPDX-License-Identifier: MIT */
/* What references are called: the field or element that holds the pointer, and of which kind it is. */
#ifndef WRITERS_LABELS_H
#define WRITERS_LABELS_H

#include "base/arena.h"
#include "writers/names.h"
#include "writers/writer.h"

enum edge_kind {
	EDGE_FIELD, EDGE_ELEM, EDGE_MAPKEY, EDGE_MAPVAL, EDGE_IFACE, EDGE_CHAN, EDGE_CLOSURE, /* from objects */
	EDGE_LOCAL, EDGE_GLOBAL, EDGE_SPECIAL, EDGE_ROOT, /* from roots */
};
extern const char *const edge_kinds[EDGE_ROOT + 1];

struct edge_label {
	const char *text; /* as a CSV cell */
	uint32_t len;
	uint8_t kind; /* enum edge_kind */
};

struct class_labels {
	struct edge_label *word; /* by word of a value; NULL, or without text: made anew each time */
	uint64_t size, words;    /* of a value; 0: not typed */
	const struct hc_type *type;
	bool array;
	uint8_t kind; /* of all words that say nothing better */
	bool map;     /* groups and buckets: keys and elements */
};

/* The labels of all classes, made beforehand: many threads may read them. */
struct labels {
	const struct hc_snapshot *s;
	struct class_labels *class;
	uint32_t count;
	unsigned word; /* log2 of a pointer's size */
	struct arena arena;
};

struct hc_error *labels_init(struct labels *l, const struct hc_snapshot *s) HC_MUST_CHECK;
void labels_deinit(struct labels *l);

/* The slow path of the one below. The text is in `scratch`; false when memory ran out. */
bool labels_make(const struct labels *l, uint32_t class, uint64_t offset, struct name *scratch, struct edge_label *ret);

/* What the pointer at an offset of an object of the class is called. */
static inline bool labels_of(const struct labels *l, uint32_t class, uint64_t offset, struct name *scratch,
                             struct edge_label *ret)
{
	const struct class_labels *c = &l->class[class < l->count ? class : l->count];
	uint64_t at = c->array && offset >= c->size && c->size ? offset % c->size : offset;
	if (!c->word || at >> l->word >= c->words || !c->word[at >> l->word].text)
		return labels_make(l, class, offset, scratch, ret);
	*ret = c->word[at >> l->word];
	return true;
}

/* The same for a pointer of a root. */
bool labels_of_root(const struct hc_snapshot *s, const struct hc_root *root, uint64_t offset, struct name *scratch,
                    struct edge_label *ret);

#endif
