/* SPDX-License-Identifier: MIT */
/* Writes a fake snapshot as a Java heap dump and reads it back with the tests' own reader, all of whose rules must hold. */
#ifndef TESTS_HPROFREAD_H
#define TESTS_HPROFREAD_H

#include <stdio.h>
#include <unistd.h>

#include "tests/support/memsink.h"
#include "tests/tools/hprof_file.c"
#include "tests/tools/hprof_rules.c"

static inline void hr_open(struct hp_file *f, const struct memsink *m)
{
	char path[] = "/tmp/heapconv-hprof.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(write(fd, m->data, m->len) == (ssize_t)m->len);
	close(fd);
	memset(f, 0, sizeof(*f));
	f->shown_max = 3;
	assert_true(hp_open(f, path));
	unlink(path);
	hp_check(f);
}

static inline void hr_dump(struct hp_file *f, const struct hc_snapshot *s, struct hc_write_opts opts)
{
	struct memsink m = {0};
	opts.size = sizeof(opts);
	assert_null(memsink_view(&m, s, "hprof", &opts));
	hr_open(f, &m);
	free(m.data);
	assert_int_equal(f->counts[HP_ERROR], 0);
	assert_int_equal(f->counts[HP_WARNING], 0);
}

static inline const struct hp_object *hr_object(struct hp_file *f, uint64_t id)
{
	uint32_t i = 0;
	assert_true(hp_table_get(&f->object_at, id, &i));
	return &f->objects[i];
}

static inline struct hp_class *hr_class(struct hp_file *f, const struct hp_object *o)
{
	assert_int_not_equal(o->class, UINT32_MAX);
	return &f->classes[o->class];
}

/* A field's value, zero-extended. */
static inline uint64_t hr_field(struct hp_file *f, uint64_t id, const char *name)
{
	const struct hp_object *o = hr_object(f, id);
	uint64_t at;
	uint8_t type;
	if (!hp_field(f, hr_class(f, o), name, &at, &type))
		fail_msg("%s has no field %s", hr_class(f, o)->name, name);
	at += o->offset;
	switch (hp_type_size(type)) {
	case 1: return f->data[at];
	case 2: return hp_u16(f, at);
	case 4: return hp_u32(f, at);
	default: return hp_u64(f, at);
	}
}

static inline bool hr_has_field(struct hp_file *f, uint64_t id, const char *name)
{
	uint64_t at;
	uint8_t type;
	return hp_field(f, hr_class(f, hr_object(f, id)), name, &at, &type);
}

/* The text of a field that refers to a java.lang.String; to be freed. */
static inline char *hr_text(struct hp_file *f, uint64_t id, const char *name)
{
	return hp_java_string(f, hr_field(f, id, name));
}

static inline void hr_text_is(struct hp_file *f, uint64_t id, const char *name, const char *expected)
{
	char *text = hr_text(f, id, name);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

/* The value of a class's static field; false: it has none. */
static inline bool hr_static(struct hp_file *f, const char *class, const char *name, uint64_t *ret)
{
	for (uint64_t i = 0; i < f->nclasses; i++) {
		const struct hp_class *c = &f->classes[i];
		uint64_t at = c->statics;
		for (uint32_t k = 0; k < c->nstatics; k++) {
			char *n = hp_text(f, hp_u64(f, at));
			unsigned size = hp_type_size(f->data[at + 8]);
			bool found = strcmp(c->name, class) == 0 && n && strcmp(n, name) == 0;
			free(n);
			if (found) {
				*ret = size == 8 ? hp_u64(f, at + 9) : size == 4 ? hp_u32(f, at + 9) : f->data[at + 9];
				return true;
			}
			at += 9 + size;
		}
	}
	return false;
}

static inline uint64_t hr_roots(const struct hp_file *f, uint8_t tag)
{
	uint64_t n = 0;
	for (uint64_t i = 0; i < f->nroots; i++)
		n += f->roots[i].tag == tag;
	return n;
}

#endif
