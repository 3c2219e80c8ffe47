/* SPDX-License-Identifier: MIT */
/*
 * What stacks are made of: functions (of the program, or standing for a type, a variable, a kind of root) and places in
 * them. A place is a function and a line, numbered from 1; 0 is no place.
 */
#ifndef WRITERS_FRAMES_H
#define WRITERS_FRAMES_H

#include "base/map.h"
#include "base/strtab.h"
#include "writers/names.h"

#define FRAME_NO_CLASS UINT32_MAX

struct frame_function {
	uint32_t name, file; /* in strings */
	uint32_t system_name; /* the full name where `name` was shortened, else 0 */
	uint32_t class; /* the object class it stands for, or FRAME_NO_CLASS */
};

struct frame_place {
	uint32_t function, line; /* line 0: unknown */
};

struct frames {
	struct strtab strings; /* number 0 is "" */
	VEC(struct frame_function) functions;
	VEC(struct frame_place) places;
	struct map by_name;  /* name << 32 | file -> function without a class */
	struct map by_place; /* function << 32 | line -> place */
	struct name scratch;
	bool failed; /* memory ran out: numbers returned since are 0, and worthless */
};

bool frames_init(struct frames *f);
void frames_deinit(struct frames *f);

/* The function with this name in this file ("" for none). */
uint32_t frames_function(struct frames *f, const char *name, const char *file);
/* A new function for an object class. */
uint32_t frames_class(struct frames *f, uint32_t class, const char *name, const char *file);
uint32_t frames_place(struct frames *f, uint32_t function, uint32_t line);

static inline uint32_t frames_named(struct frames *f, const char *name)
{
	return frames_place(f, frames_function(f, name, ""), 0);
}

static inline uint32_t place_function(const struct frames *f, uint32_t place)
{
	return f->places.data[place].function;
}

/* The name of a place's function. */
static inline const char *place_name(const struct frames *f, uint32_t place)
{
	return strtab_text(&f->strings, f->functions.data[place_function(f, place)].name);
}

#endif
