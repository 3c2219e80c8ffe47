/* SPDX-License-Identifier: MIT */
/* Object classes as frames: the place of an object at the end of a stack, and of each of its fields on the way. */
#ifndef WRITERS_CLASSES_H
#define WRITERS_CLASSES_H

#include "heapconv/heapconv.h"
#include "writers/frames.h"
#include "writers/listing.h"

struct class_frame {
	uint32_t end;     /* place of an object itself; 0: not looked at yet */
	uint32_t several; /* place of "reached through several fields" */
	uint32_t function, line; /* line: where the type begins in the listing; 0: not listed */
	uint32_t words;   /* entries in `field` */
	uint32_t *field;  /* place by word of the value, filled as needed */
	uint64_t size;    /* of the type; 0: has no fields to tell apart */
	const struct hc_type *type;
	bool array;
};

struct classes {
	const struct hc_snapshot *s;
	struct frames *frames;
	struct listing *listing; /* NULL: no files, no lines */
	struct class_frame *class;
	uint32_t count;
	unsigned word; /* log2 of a pointer's size */
};

struct hc_error *classes_init(struct classes *c, const struct hc_snapshot *s, struct frames *frames,
                              bool lines) HC_MUST_CHECK;
void classes_deinit(struct classes *c);

/* Slow paths of the two below; on failure they return 0 and set frames.failed. */
uint32_t classes_load(struct classes *c, uint32_t class);
uint32_t classes_find_field(struct classes *c, uint32_t class, uint64_t via);

static inline uint32_t classes_end(struct classes *c, uint32_t class)
{
	if (class >= c->count)
		class = c->count - 1; /* one more than there are, for what should not be */
	uint32_t end = c->class[class].end;
	return end ? end : classes_load(c, class);
}

/* The place of the field at offset `via` (or HC_VIA_SEVERAL) of an object; of a class that classes_end() has seen. */
static inline uint32_t classes_field(struct classes *c, uint32_t class, uint64_t via)
{
	const struct class_frame *f = &c->class[class];
	if (!f->size)
		return f->end;
	if (via == HC_VIA_SEVERAL)
		return f->several;
	if (via >= f->size && f->array)
		via %= f->size;
	uint64_t word = via >> c->word;
	if (word < f->words && f->field[word])
		return f->field[word];
	return classes_find_field(c, class, via);
}

#endif
