/* SPDX-License-Identifier: MIT */
/*
 * A reader of HPROF files for tests, written without the project's code: the whole file as tables, and every rule that
 * some Java heap tool needs checked on the way. Broken rules are reported, with the offset in the file; reading goes
 * on as far as it makes sense.
 */
#ifndef TOOLS_HPROF_FILE_H
#define TOOLS_HPROF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hp_severity { HP_NOTE, HP_WARNING, HP_ERROR };

struct hp_string {
	uint64_t id, offset;
	uint32_t len;
};

struct hp_loaded {
	uint32_t serial;
	uint64_t id, name;
};

struct hp_frame {
	uint64_t id, method, signature, source;
	uint32_t class_serial;
	int32_t line;
};

struct hp_trace {
	uint32_t serial, thread, n;
	uint64_t offset; /* of the frame ids */
};

struct hp_class {
	uint64_t id, super, loader;
	uint32_t size;     /* of an instance */
	uint32_t nfields, nstatics;
	uint64_t statics, fields; /* offsets */
	uint64_t own, payload;    /* bytes of own fields, with those of the superclasses */
	uint64_t refs;     /* own fields that are references */
	uint64_t mat;      /* size of an instance as Eclipse MAT has it */
	uint64_t mat_14;   /* the same in MAT 1.4: the sum of the fields also below "<method>" */
	char *name;        /* with dots, arrays as "T[]"; never NULL */
	const char *raw;   /* as in the file */
	uint64_t instances, shallow_file, shallow_visualvm, shallow_mat, shallow_mat_14; /* sums of the sizes below */
};

enum hp_kind { HP_INSTANCE, HP_OBJ_ARRAY, HP_PRIM_ARRAY };

struct hp_object {
	uint64_t id;
	uint64_t offset; /* of the values */
	uint32_t n;      /* bytes of values, or elements */
	uint32_t class;  /* index in classes; UINT32_MAX unknown */
	uint8_t kind, type; /* type: of a primitive array's elements */
};

struct hp_root {
	uint8_t tag;
	uint64_t id;
	uint32_t thread, frame; /* serial; frame: number, or the trace's serial for thread objects */
};

struct hp_table { /* id -> index */
	uint64_t *keys;
	uint32_t *values;
	uint64_t mask, len;
};

struct hp_file {
	const uint8_t *data;
	uint64_t size, time_ms;
	struct hp_string *strings;
	struct hp_loaded *loaded;
	struct hp_frame *frames;
	struct hp_trace *traces;
	struct hp_class *classes;
	struct hp_object *objects;
	struct hp_root *roots;
	uint64_t nstrings, nloaded, nframes, ntraces, nclasses, nobjects, nroots, nsegments;
	struct hp_table string_at, loaded_at, frame_at, class_at, object_at;
	uint64_t counts[3]; /* by severity */
	unsigned shown_max; /* lines per rule */
	struct hp_rule {
		const char *name;
		uint64_t count;
	} rules[128];
	unsigned nrules;
	uint64_t mat_classes; /* what MAT charges for class objects */
	bool ended;
};

/* Maps and reads a file. False: it could not be opened. */
bool hp_open(struct hp_file *f, const char *path);
/* The checks that need the whole file. */
void hp_check(struct hp_file *f);
void hp_close(struct hp_file *f);

/* Prints and counts one finding. */
void hp_report(struct hp_file *f, enum hp_severity sev, const char *rule, uint64_t offset, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* ---- access ---- */

uint16_t hp_u16(const struct hp_file *f, uint64_t offset);
uint32_t hp_u32(const struct hp_file *f, uint64_t offset);
uint64_t hp_u64(const struct hp_file *f, uint64_t offset);
unsigned hp_type_size(uint8_t type); /* 0: no such type */

bool hp_table_get(const struct hp_table *t, uint64_t key, uint32_t *ret);
struct hp_class *hp_class_of(struct hp_file *f, uint64_t id);
/* The text of a string, to be freed; NULL: there is none. */
char *hp_text(const struct hp_file *f, uint64_t string);
/* Index of a field by name in the class or its superclasses, as an offset in an instance's values. */
bool hp_field(struct hp_file *f, const struct hp_class *c, const char *name, uint64_t *offset, uint8_t *type);
/* The text of a java.lang.String object, to be freed; NULL: it is none. */
char *hp_java_string(struct hp_file *f, uint64_t id);
bool hp_is_a(struct hp_file *f, const struct hp_class *c, const char *name);

/* Calls for every reference of an object (statics of a class: hp_class_refs), nil ones left out. */
typedef void hp_ref_fn(void *ctx, uint64_t id, uint64_t offset);
void hp_refs(struct hp_file *f, const struct hp_object *o, hp_ref_fn *fn, void *ctx);
void hp_class_refs(struct hp_file *f, const struct hp_class *c, hp_ref_fn *fn, void *ctx);

/* Bytes that an object counts by the class dump, arrays without a header (as in shark); as in VisualVM; as in MAT. */
uint64_t hp_size_file(const struct hp_file *f, const struct hp_object *o);
uint64_t hp_size_visualvm(const struct hp_file *f, const struct hp_object *o);
uint64_t hp_size_mat(const struct hp_file *f, const struct hp_object *o);

#endif
