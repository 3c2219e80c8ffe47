/* SPDX-License-Identifier: MIT */
#include "writers/frames.h"

#include <string.h>

bool frames_init(struct frames *f)
{
	uint32_t empty;
	memset(f, 0, sizeof(*f));
	/* Place and function 0 stand for "none", so that a failed call can return 0 and its user go on. */
	return strtab_add(&f->strings, "", 0, &empty) &&
	       vec_push(&f->functions, ((struct frame_function){.class = FRAME_NO_CLASS})) &&
	       vec_push(&f->places, ((struct frame_place){0}));
}

void frames_deinit(struct frames *f)
{
	strtab_free(&f->strings);
	vec_free(&f->functions);
	vec_free(&f->places);
	map_free(&f->by_name);
	map_free(&f->by_place);
	name_free(&f->scratch);
}

static uint32_t intern(struct frames *f, const char *text, bool shorten)
{
	uint32_t id = 0;
	if (!name_clean(&f->scratch, text)) {
		f->failed = true;
		return 0;
	}
	if (shorten)
		name_shorten(&f->scratch);
	if (!strtab_add(&f->strings, f->scratch.text, f->scratch.len, &id))
		f->failed = true;
	return id;
}

static uint32_t add_function(struct frames *f, struct frame_function fn)
{
	if (f->failed || !vec_push(&f->functions, fn)) {
		f->failed = true;
		return 0;
	}
	return (uint32_t)f->functions.len - 1;
}

uint32_t frames_function(struct frames *f, const char *name, const char *file)
{
	uint32_t id;
	struct frame_function fn = {.name = intern(f, name, true), .file = intern(f, file, false),
	                            .class = FRAME_NO_CLASS};
	uint64_t key = (uint64_t)fn.name << 32 | fn.file;
	if (map_get(&f->by_name, key, &id))
		return id;
	id = add_function(f, fn);
	if (!map_put(&f->by_name, key, id))
		f->failed = true;
	return id;
}

uint32_t frames_class(struct frames *f, uint32_t class, const char *name, const char *file)
{
	struct frame_function fn = {.class = class};
	fn.name = intern(f, name, true);
	fn.system_name = intern(f, name, false);
	if (fn.system_name == fn.name)
		fn.system_name = 0;
	fn.file = intern(f, file, false);
	return add_function(f, fn);
}

uint32_t frames_place(struct frames *f, uint32_t function, uint32_t line)
{
	uint32_t id;
	uint64_t key = (uint64_t)function << 32 | line;
	if (map_get(&f->by_place, key, &id))
		return id;
	id = (uint32_t)f->places.len;
	struct frame_place place = {function, line};
	if (f->failed || !vec_push(&f->places, place) || !map_put(&f->by_place, key, id)) {
		f->failed = true;
		return 0;
	}
	return id;
}
