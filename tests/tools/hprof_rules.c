/* SPDX-License-Identifier: MIT */
/* Rules about a whole file: what Eclipse MAT, VisualVM, shark, hprof-slurp and IntelliJ need to open it and to be right. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hprof_file.h"

static struct hp_class *class_named(struct hp_file *f, const char *name)
{
	for (uint64_t i = 0; i < f->nclasses; i++)
		if (strcmp(f->classes[i].name, name) == 0)
			return &f->classes[i];
	return NULL;
}

/* ---- classes ---- */

/* Eclipse MAT: fields of each level of the hierarchy after a header of 16, or the class dump below "<method>". */
static uint64_t mat_size(struct hp_file *f, const struct hp_class *c, bool method)
{
	const struct hp_class *super = hp_class_of(f, c->super);
	uint64_t size = 16;
	if (!c->super)
		return 16;
	if (method && super && strcmp(super->raw, "<method>") == 0)
		return c->size;
	const struct hp_class *chain[64];
	unsigned n = 0;
	for (const struct hp_class *k = c; k && n < 64; k = hp_class_of(f, k->super))
		chain[n++] = k;
	while (n-- > 0)
		size = (size + chain[n]->own + 7) & ~UINT64_C(7);
	return size;
}

static void check_fields(struct hp_file *f, const struct hp_class *c)
{
	static const char *const reserved[] = {"methodName", "fileName", "lineNumber", "compilationLevel", "native"};
	bool frame = hp_is_a(f, c, "<method>");
	for (uint32_t i = 0; i < c->nfields; i++) {
		char *n = hp_text(f, hp_u64(f, c->fields + 9 * (uint64_t)i));
		if (!n || !*n)
			hp_report(f, HP_ERROR, "field-name", c->fields, "class %s: field %u has no name", c->name, i);
		else if (strpbrk(n, ".[]<> \t"))
			hp_report(f, HP_WARNING, "field-name", c->fields, "class %s: field '%s' cannot be written in a query", c->name, n);
		for (size_t k = 0; n && frame && k < sizeof(reserved) / sizeof(reserved[0]); k++)
			if (strcmp(n, reserved[k]) == 0)
				hp_report(f, HP_WARNING, "field-reserved", c->fields, "class %s: Eclipse MAT reads %s of frame objects", c->name, n);
		free(n);
	}
}

static bool is_array_name(const char *raw)
{
	size_t dims = strspn(raw, "["), len = strlen(raw);
	return dims && ((len == dims + 1 && strchr("ZCFDBSIJ", raw[dims])) || (raw[dims] == 'L' && raw[len - 1] == ';'));
}

static void check_class(struct hp_file *f, struct hp_class *c)
{
	size_t len = strlen(c->raw);
	bool object = strcmp(c->name, "java.lang.Object") == 0, string = strcmp(c->name, "java.lang.String") == 0;
	c->mat = mat_size(f, c, true);
	c->mat_14 = mat_size(f, c, false);
	if (!len)
		hp_report(f, HP_ERROR, "class-name", c->fields, "class %#" PRIx64 " has an empty name", c->id);
	if (c->raw[0] == '[' && !is_array_name(c->raw))
		hp_report(f, HP_ERROR, "class-name", c->fields, "class name '%s' begins like that of an array: shark throws", c->raw);
	if (c->raw[0] != '[' && len >= 2 && strcmp(c->raw + len - 2, "[]") == 0)
		hp_report(f, HP_WARNING, "class-name", c->fields, "class name '%s' ends like that of an array: Eclipse MAT has the size "
		          "of a reference", c->raw);
	if (!c->super && !object)
		hp_report(f, c->nfields ? HP_WARNING : HP_NOTE, "no-superclass", c->fields, "class %s has no superclass: Eclipse MAT and "
		          "hprof-slurp take its instances for 16 bytes", c->name);
	if (c->super && object)
		hp_report(f, HP_ERROR, "object", c->fields, "java.lang.Object has a superclass");
	if (c->size > INT32_MAX)
		hp_report(f, HP_ERROR, "instance-size", c->fields, "class %s: instances of %u bytes", c->name, c->size);
	if (!c->size && c->payload && !string && c->refs)
		hp_report(f, HP_WARNING, "instance-size", c->fields, "class %s: instances of 0 bytes have references, which shark ignores",
		          c->name);
	if (hp_class_of(f, c->id) != c)
		return;
	uint32_t i;
	if (hp_table_get(&f->object_at, c->id, &i))
		hp_report(f, HP_ERROR, "id-duplicate", c->fields, "class %s has the id of an object", c->name);
	check_fields(f, c);
}

static void check_skeleton(struct hp_file *f)
{
	static const char *const must[] = {"java.lang.Object", "java.lang.Class", "java.lang.ref.Reference",
	                                   "java.lang.ref.WeakReference", "java.lang.ref.SoftReference",
	                                   "java.lang.ref.FinalReference", "java.lang.ref.PhantomReference"};
	static const char *const should[] = {"java.lang.ClassLoader", "java.lang.String", "java.lang.Thread", "java.lang.Object[]"};
	static const char *const arrays[] = {"", "", "", "", "boolean[]", "char[]", "float[]", "double[]", "byte[]", "short[]",
	                                     "int[]", "long[]"};
	bool used[12] = {false};
	uint64_t offset;
	uint8_t type;
	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++)
		if (!class_named(f, must[i]))
			hp_report(f, HP_ERROR, "skeleton", 0, "there is no class %s: VisualVM, IntelliJ", must[i]);
	for (size_t i = 0; i < sizeof(should) / sizeof(should[0]); i++)
		if (!class_named(f, should[i]))
			hp_report(f, HP_WARNING, "skeleton", 0, "there is no class %s", should[i]);
	const struct hp_class *reference = class_named(f, "java.lang.ref.Reference"), *object = class_named(f, "java.lang.Object");
	if (reference && !hp_field(f, reference, "referent", &offset, &type))
		hp_report(f, HP_ERROR, "skeleton", reference->fields, "java.lang.ref.Reference has no field referent: VisualVM");
	if (object && object->size == 0)
		hp_report(f, HP_ERROR, "object", object->fields, "java.lang.Object has instances of 0 bytes: VisualVM guesses sizes");
	else if (object && object->size != 16)
		hp_report(f, HP_WARNING, "object", object->fields, "java.lang.Object has instances of %u bytes, not 16", object->size);
	for (uint64_t i = 0; i < f->nobjects; i++)
		if (f->objects[i].kind == HP_PRIM_ARRAY)
			used[f->objects[i].type] = true;
	for (unsigned i = 4; i < 12; i++)
		if (used[i] && !class_named(f, arrays[i]))
			hp_report(f, HP_ERROR, "skeleton", 0, "there are arrays of class %s, but no such class: VisualVM", arrays[i]);
}

/* ---- threads ---- */

static void check_thread_object(struct hp_file *f, const struct hp_root *r)
{
	static const struct {
		const char *name;
		uint8_t type;
	} fields[] = {{"name", 2}, {"daemon", 4}, {"priority", 10}, {"tid", 11}, {"threadStatus", 10}};
	uint32_t i;
	uint64_t offset;
	uint8_t type;
	if (!hp_table_get(&f->object_at, r->id, &i) || f->objects[i].kind != HP_INSTANCE || f->objects[i].class == UINT32_MAX) {
		hp_report(f, HP_ERROR, "thread-object", 0, "thread %u: %#" PRIx64 " is no instance", r->thread, r->id);
		return;
	}
	const struct hp_class *c = &f->classes[f->objects[i].class];
	if (!hp_is_a(f, c, "java.lang.Thread"))
		hp_report(f, HP_WARNING, "thread-object", f->objects[i].offset, "thread %u: class %s is no java.lang.Thread", r->thread,
		          c->name);
	for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
		if (!hp_field(f, c, fields[k].name, &offset, &type) || type != fields[k].type)
			hp_report(f, HP_WARNING, "thread-fields", f->objects[i].offset, "thread %u has no field %s as VisualVM needs it",
			          r->thread, fields[k].name);
}

static void check_threads(struct hp_file *f)
{
	uint64_t nthreads = 0, ntraces_with = 0;
	for (uint64_t i = 0; i < f->nroots; i++)
		nthreads += f->roots[i].tag == 8;
	uint32_t *trace = calloc((size_t)nthreads + 2, sizeof(*trace)), *frames = calloc((size_t)nthreads + 2, sizeof(*frames));
	bool *seen = calloc((size_t)nthreads + 2, sizeof(*seen));
	if (!trace || !frames || !seen)
		exit(2);
	for (uint64_t i = 0; i < f->ntraces; i++)
		if (f->traces[i].thread >= 1 && f->traces[i].thread <= nthreads) {
			trace[f->traces[i].thread] = f->traces[i].serial;
			frames[f->traces[i].thread] = f->traces[i].n;
			ntraces_with++;
		}
	for (uint64_t i = 0; i < f->nroots; i++) {
		const struct hp_root *r = &f->roots[i];
		if (r->tag == 8) {
			if (r->thread < 1 || r->thread > nthreads || seen[r->thread])
				hp_report(f, HP_ERROR, "thread-serial", 0, "thread serial %u: they must be 1 to %" PRIu64 ", each once", r->thread,
				          nthreads);
			else
				seen[r->thread] = true;
			if (r->frame && (r->thread > nthreads || trace[r->thread] != r->frame))
				hp_report(f, HP_ERROR, "thread-trace", 0, "thread %u has trace %u, which is not one of its own", r->thread, r->frame);
			check_thread_object(f, r);
		} else if (r->tag == 2 || r->tag == 3) {
			if (r->thread < 1 || r->thread > nthreads || !seen[r->thread])
				hp_report(f, HP_WARNING, "local-thread", 0, "a local comes before its thread %u: Eclipse MAT makes it a root of its "
				          "own", r->thread);
			else if (r->frame != UINT32_MAX && r->frame >= frames[r->thread])
				hp_report(f, HP_ERROR, "local-frame", 0, "thread %u has %u frames, but a local in frame %u", r->thread,
				          frames[r->thread], r->frame);
		} else if (r->tag == 0xff) {
			hp_report(f, HP_WARNING, "root-unknown", 0, "a ROOT_UNKNOWN: shark ignores it");
		}
	}
	if (ntraces_with != nthreads)
		hp_report(f, HP_NOTE, "thread-trace", 0, "%" PRIu64 " threads, %" PRIu64 " traces of threads", nthreads, ntraces_with);
	free(trace);
	free(frames);
	free(seen);
}

/* ---- references ---- */

struct dangling {
	struct hp_file *f;
	const char *rule, *what;
};

static bool exists(struct hp_file *f, uint64_t id)
{
	uint32_t i;
	return hp_table_get(&f->object_at, id, &i) || hp_table_get(&f->class_at, id, &i);
}

static void check_ref(void *ctx, uint64_t id, uint64_t offset)
{
	struct dangling *d = ctx;
	if (!exists(d->f, id))
		hp_report(d->f, HP_ERROR, d->rule, offset, "%s refers to %#" PRIx64 ", which does not exist", d->what, id);
}

static void check_refs(struct hp_file *f)
{
	struct dangling d = {f, "dangling-field", ""};
	for (uint64_t i = 0; i < f->nobjects; i++) {
		const struct hp_object *o = &f->objects[i];
		d.rule = o->kind == HP_INSTANCE ? "dangling-field" : "dangling-element";
		d.what = o->class == UINT32_MAX ? "an array" : f->classes[o->class].name;
		if (o->kind != HP_PRIM_ARRAY)
			hp_refs(f, o, check_ref, &d);
	}
	d.rule = "dangling-static";
	for (uint64_t i = 0; i < f->nclasses; i++) {
		d.what = f->classes[i].name;
		hp_class_refs(f, &f->classes[i], check_ref, &d);
	}
	bool sticky = false;
	for (uint64_t i = 0; i < f->nroots; i++) {
		sticky |= f->roots[i].tag == 5;
		if (!exists(f, f->roots[i].id))
			hp_report(f, HP_WARNING, "dangling-root", 0, "root %#" PRIx64 " does not exist", f->roots[i].id);
	}
	if (!sticky)
		hp_report(f, HP_NOTE, "no-sticky", 0, "no class is a root: Eclipse MAT takes all for roots");
}

static void check_alignment(struct hp_file *f)
{
	uint64_t gcd = 0;
	for (uint64_t i = 0; i < f->nobjects + f->nclasses; i++) {
		uint64_t a = gcd, b = i < f->nobjects ? f->objects[i].id : f->classes[i - f->nobjects].id;
		uint64_t first = f->nobjects ? f->objects[0].id : f->nclasses ? f->classes[0].id : 0;
		for (b = b > first ? b - first : first - b; b;) {
			uint64_t t = a % b;
			a = b;
			b = t;
		}
		gcd = a;
		if (gcd <= 8 && gcd)
			return;
	}
	if (gcd >= 16)
		hp_report(f, HP_NOTE, "alignment", 0, "all identifiers are multiples of %" PRIu64 " apart: Eclipse MAT rounds sizes to that",
		          gcd);
}

/* Instances whose String has a value that readers cannot show. */
static void check_strings(struct hp_file *f)
{
	for (uint64_t i = 0; i < f->nobjects; i++) {
		const struct hp_object *o = &f->objects[i];
		uint64_t at;
		uint8_t type;
		uint32_t k;
		if (o->kind != HP_INSTANCE || o->class == UINT32_MAX || !hp_is_a(f, &f->classes[o->class], "java.lang.String"))
			continue;
		if (!hp_field(f, &f->classes[o->class], "value", &at, &type) || type != 2) {
			hp_report(f, HP_ERROR, "string-fields", o->offset, "java.lang.String has no value");
			return;
		}
		uint64_t value = hp_u64(f, o->offset + at);
		if (value && hp_table_get(&f->object_at, value, &k) &&
		    (f->objects[k].kind != HP_PRIM_ARRAY || (f->objects[k].type != 8 && f->objects[k].type != 5)))
			hp_report(f, HP_ERROR, "string-value", o->offset, "the value of String %#" PRIx64 " is no byte[] or char[]", o->id);
		uint64_t from, count;
		if (value && hp_field(f, &f->classes[o->class], "offset", &from, &type) &&
		    hp_field(f, &f->classes[o->class], "count", &count, &type) && hp_table_get(&f->object_at, value, &k) &&
		    (uint64_t)hp_u32(f, o->offset + from) + hp_u32(f, o->offset + count) > f->objects[k].n)
			hp_report(f, HP_ERROR, "string-range", o->offset, "String %#" PRIx64 " goes beyond its value", o->id);
	}
}

void hp_check(struct hp_file *f)
{
	for (uint64_t i = 0; i < f->nclasses; i++)
		check_class(f, &f->classes[i]);
	for (uint64_t i = 0; i < f->nloaded; i++)
		if (!hp_class_of(f, f->loaded[i].id))
			hp_report(f, HP_WARNING, "class-not-dumped", 0, "class serial %u is loaded, but not dumped", f->loaded[i].serial);
	for (uint64_t i = 0; i < f->nobjects; i++) {
		struct hp_object *o = &f->objects[i];
		static const char *const prims[] = {"", "", "", "", "boolean[]", "char[]", "float[]", "double[]", "byte[]", "short[]",
		                                    "int[]", "long[]"};
		if (o->kind == HP_PRIM_ARRAY) {
			const struct hp_class *c = class_named(f, prims[o->type]);
			o->class = c ? (uint32_t)(c - f->classes) : UINT32_MAX;
		}
		if (o->class == UINT32_MAX)
			continue;
		struct hp_class *c = &f->classes[o->class];
		c->instances++;
		c->shallow_file += hp_size_file(f, o);
		c->shallow_visualvm += hp_size_visualvm(f, o);
		c->shallow_mat += hp_size_mat(f, o);
		c->shallow_mat_14 += o->kind == HP_INSTANCE ? c->mat_14
		                   : o->kind == HP_PRIM_ARRAY ? (20 + (uint64_t)o->n * hp_type_size(o->type) + 7) & ~UINT64_C(7)
		                   : hp_size_mat(f, o);
	}
	check_skeleton(f);
	check_threads(f);
	check_refs(f);
	check_alignment(f);
	check_strings(f);
}
