/* SPDX-License-Identifier: MIT */
#include "writers/classes.h"

#include "base/err.h"
#include "writers/listing_rows.h"

/* Types beyond this many words have their fields looked up again and again. */
enum { MAX_WORDS = 8192 };

struct hc_error *classes_init(struct classes *c, const struct hc_snapshot *s, struct frames *frames, bool lines)
{
	*c = (struct classes){.s = s, .frames = frames, .count = hc_class_count(s) + 1};
	c->word = hc_snapshot_info(s)->pointer_size == 4 ? 2 : 3;
	c->class = calloc(c->count, sizeof(*c->class));
	if (!c->class)
		return err_nomem();
	struct hc_error *err = lines ? listing_new(s, &c->listing) : NULL;
	if (err)
		classes_deinit(c);
	return err;
}

void classes_deinit(struct classes *c)
{
	for (uint32_t i = 0; c->class && i < c->count; i++)
		free(c->class[i].field);
	free(c->class);
	c->class = NULL;
	listing_free(c->listing);
	c->listing = NULL;
}

static struct hc_error *load_listed(struct classes *c, struct class_frame *f, const struct hc_class *hc,
                                    const char **file)
{
	if (!c->listing)
		return NULL;
	if (!hc->type)
		return *hc->package ? listing_file(c->listing, hc->package, file) : NULL;
	struct hc_error *err = listing_type(c->listing, hc->type, file, &f->line);
	if (err || !f->line || !rows_has_fields(hc->type) || hc_type_size(hc->type) == 0)
		return err;
	uint64_t words = (hc_type_size(hc->type) >> c->word) + 1;
	f->words = words < MAX_WORDS ? (uint32_t)words : 0;
	f->field = calloc((size_t)f->words + 1, sizeof(*f->field));
	f->size = hc_type_size(hc->type);
	return f->field ? NULL : err_nomem();
}

uint32_t classes_load(struct classes *c, uint32_t class)
{
	struct class_frame *f = &c->class[class];
	struct hc_class hc = {.name = "(unknown)", .package = ""};
	const char *file = "";
	if (c->frames->failed)
		return 0;
	if (class < c->count - 1)
		hc = hc_class_at(c->s, class);
	f->type = hc.type;
	f->array = hc.array;
	struct hc_error *err = load_listed(c, f, &hc, &file);
	if (err) {
		hc_error_free(err);
		c->frames->failed = true; /* listings fail for want of memory only */
		return 0;
	}
	f->function = frames_class(c->frames, class, hc.name, file);
	if (f->size) {
		uint32_t several = f->line + listing_field(c->listing, f->type, HC_VIA_SEVERAL);
		f->several = frames_place(c->frames, f->function, several);
	}
	f->end = frames_place(c->frames, f->function, f->line);
	return f->end;
}

uint32_t classes_find_field(struct classes *c, uint32_t class, uint64_t via)
{
	struct class_frame *f = &c->class[class];
	uint64_t word = via >> c->word;
	uint32_t place = frames_place(c->frames, f->function, f->line + listing_field(c->listing, f->type, via));
	if (word < f->words)
		f->field[word] = place;
	return place;
}
