/* SPDX-License-Identifier: MIT */
/*
 * hprof-check [-v] [--classes] [--threads] [--roots] [--strings] [--object=ID]... FILE: checks a Java heap dump against what
 * Eclipse MAT, VisualVM, shark, hprof-slurp and IntelliJ need, and says what is in it. Status 0: no errors and no warnings;
 * 1: errors; 3: warnings only.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hprof_file.h"

static struct hp_file f;

static int by_name(const void *a, const void *b)
{
	const struct hp_class *x = *(const struct hp_class *const *)a, *y = *(const struct hp_class *const *)b;
	int c = strcmp(x->name, y->name);
	return c ? c : x->id < y->id ? -1 : x->id > y->id;
}

/* Sums of classes of equal name: readers differ in whether they tell them apart. */
static void print_classes(void)
{
	struct hp_class **c = calloc((size_t)f.nclasses + 1, sizeof(struct hp_class *));
	if (!c)
		exit(2);
	for (uint64_t i = 0; i < f.nclasses; i++)
		c[i] = &f.classes[i];
	qsort(c, (size_t)f.nclasses, sizeof(struct hp_class *), by_name);
	for (uint64_t i = 0; i < f.nclasses;) {
		uint64_t n = 0, file = 0, visualvm = 0, mat = 0, sum = 0, k = i;
		for (; k < f.nclasses && strcmp(c[k]->name, c[i]->name) == 0; k++) {
			n += c[k]->instances;
			file += c[k]->shallow_file;
			visualvm += c[k]->shallow_visualvm;
			mat += c[k]->shallow_mat;
			sum += c[k]->shallow_mat_14;
		}
		if (n)
			printf("class\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", c[i]->name, n, file, visualvm,
			       mat, sum);
		i = k;
	}
	free(c);
}

static void print_frames(uint32_t serial)
{
	for (uint64_t i = 0; i < f.ntraces; i++) {
		if (f.traces[i].thread != serial)
			continue;
		for (uint64_t k = 0; k < f.traces[i].n; k++) {
			uint32_t at = 0, class = 0;
			hp_table_get(&f.frame_at, hp_u64(&f, f.traces[i].offset + 8 * k), &at);
			const struct hp_frame *r = &f.frames[at];
			while (class < f.nloaded && f.loaded[class].serial != r->class_serial)
				class++;
			const struct hp_class *c = class < f.nloaded ? hp_class_of(&f, f.loaded[class].id) : NULL;
			char *method = hp_text(&f, r->method), *source = hp_text(&f, r->source);
			printf("frame\t%u\t%" PRIu64 "\t%s.%s\t%s:%d\n", serial, k, c ? c->name : "?", method ? method : "?",
			       source ? source : "", r->line);
			free(method);
			free(source);
		}
	}
}

static void print_threads(void)
{
	for (uint64_t i = 0; i < f.nroots; i++) {
		const struct hp_root *r = &f.roots[i];
		uint32_t at;
		uint64_t name;
		uint8_t type;
		if (r->tag != 8 || !hp_table_get(&f.object_at, r->id, &at) || f.objects[at].class == UINT32_MAX ||
		    !hp_field(&f, &f.classes[f.objects[at].class], "name", &name, &type))
			continue;
		char *text = hp_java_string(&f, hp_u64(&f, f.objects[at].offset + name));
		uint64_t locals = 0;
		for (uint64_t k = 0; k < f.nroots; k++)
			locals += f.roots[k].tag == 3 && f.roots[k].thread == r->thread;
		printf("thread\t%u\t%#" PRIx64 "\t%s\t%" PRIu64 "\n", r->thread, r->id, text ? text : "", locals);
		free(text);
		print_frames(r->thread);
	}
}

static void print_roots(void)
{
	static const struct {
		uint8_t tag;
		const char *name;
	} tags[] = {{1, "JNI_GLOBAL"}, {2, "JNI_LOCAL"}, {3, "JAVA_FRAME"}, {4, "NATIVE_STACK"}, {5, "STICKY_CLASS"},
	            {6, "THREAD_BLOCK"}, {7, "MONITOR_USED"}, {8, "THREAD_OBJ"}, {0xff, "UNKNOWN"}};
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		uint64_t n = 0;
		for (uint64_t k = 0; k < f.nroots; k++)
			n += f.roots[k].tag == tags[i].tag;
		if (n)
			printf("root\t%s\t%" PRIu64 "\n", tags[i].name, n);
	}
}

static void print_strings(void)
{
	for (uint64_t i = 0; i < f.nobjects; i++) {
		if (f.objects[i].kind != HP_INSTANCE || !hp_is_a(&f, &f.classes[f.objects[i].class], "java.lang.String"))
			continue;
		char *text = hp_java_string(&f, f.objects[i].id);
		if (text)
			printf("string\t%#" PRIx64 "\t%s\n", f.objects[i].id, text);
		free(text);
	}
}

static void print_value(uint64_t at, uint8_t type)
{
	switch (hp_type_size(type)) {
	case 1: printf("%d", (int8_t)f.data[at]); break;
	case 2: printf("%d", (int16_t)hp_u16(&f, at)); break;
	case 4: printf("%d", (int32_t)hp_u32(&f, at)); break;
	default:
		if (type == 2) {
			char *text = hp_java_string(&f, hp_u64(&f, at));
			printf("%#" PRIx64 "%s%s%s", hp_u64(&f, at), text ? " \"" : "", text ? text : "", text ? "\"" : "");
			free(text);
		} else {
			printf("%" PRId64, (int64_t)hp_u64(&f, at));
		}
	}
}

/* Class, and fields or elements, of one object; statics of one class. */
static void print_object(uint64_t id)
{
	static const char *const types[] = {"", "", "ref", "", "boolean", "char", "float", "double", "byte", "short", "int", "long"};
	uint32_t i;
	const struct hp_class *c = hp_class_of(&f, id);
	if (c) {
		uint64_t at = c->statics;
		printf("object\t%#" PRIx64 "\tclass %s\n", id, c->name);
		for (uint32_t k = 0; k < c->nstatics; k++) {
			char *name = hp_text(&f, hp_u64(&f, at));
			printf("static\t%s\t%s\t", name ? name : "?", types[f.data[at + 8]]);
			print_value(at + 9, f.data[at + 8]);
			putchar('\n');
			at += 9 + hp_type_size(f.data[at + 8]);
			free(name);
		}
	}
	if (!hp_table_get(&f.object_at, id, &i))
		return;
	const struct hp_object *o = &f.objects[i];
	c = o->class == UINT32_MAX ? NULL : &f.classes[o->class];
	printf("object\t%#" PRIx64 "\t%s\t%u\n", id, c ? c->name : "?", o->n);
	uint64_t at = o->offset;
	for (uint32_t k = 0; o->kind != HP_INSTANCE && k < o->n; k++, at += hp_type_size(o->type)) {
		printf("element\t%u\t", k);
		print_value(at, o->type);
		putchar('\n');
	}
	for (; o->kind == HP_INSTANCE && c; c = hp_class_of(&f, c->super))
		for (uint32_t k = 0; k < c->nfields; k++) {
			uint8_t type = f.data[c->fields + 9 * (uint64_t)k + 8];
			char *name = hp_text(&f, hp_u64(&f, c->fields + 9 * (uint64_t)k));
			printf("field\t%s\t%s\t", name ? name : "?", types[type]);
			print_value(at, type);
			putchar('\n');
			at += hp_type_size(type);
			free(name);
		}
}

static void print_summary(void)
{
	uint64_t kinds[3] = {0}, file = 0, visualvm = 0, mat = f.mat_classes;
	for (uint64_t i = 0; i < f.nobjects; i++) {
		kinds[f.objects[i].kind]++;
		file += hp_size_file(&f, &f.objects[i]);
		visualvm += hp_size_visualvm(&f, &f.objects[i]);
		mat += hp_size_mat(&f, &f.objects[i]);
	}
	printf("summary\tclasses\t%" PRIu64 "\n", f.nclasses);
	printf("summary\tinstances\t%" PRIu64 "\nsummary\tobject arrays\t%" PRIu64 "\nsummary\tprimitive arrays\t%" PRIu64 "\n", kinds[0],
	       kinds[1], kinds[2]);
	printf("summary\troots\t%" PRIu64 "\nsummary\tsegments\t%" PRIu64 "\nsummary\tstrings\t%" PRIu64 "\n", f.nroots, f.nsegments,
	       f.nstrings);
	printf("summary\tsize in shark\t%" PRIu64 "\nsummary\tsize in VisualVM\t%" PRIu64 "\nsummary\tsize in Eclipse MAT\t%" PRIu64 "\n", file,
	       visualvm, mat);
	printf("summary\terrors\t%" PRIu64 "\nsummary\twarnings\t%" PRIu64 "\n", f.counts[HP_ERROR], f.counts[HP_WARNING]);
	for (unsigned i = 0; i < f.nrules; i++)
		printf("rule\t%s\t%" PRIu64 "\n", f.rules[i].name, f.rules[i].count);
}

int main(int argc, char **argv)
{
	bool classes = false, threads = false, roots = false, strings = false, summary = false;
	const char *path = NULL;
	uint64_t objects[64];
	unsigned nobjects = 0;
	f.shown_max = 5;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--classes") == 0)
			classes = true;
		else if (strcmp(argv[i], "--threads") == 0)
			threads = true;
		else if (strcmp(argv[i], "--roots") == 0)
			roots = true;
		else if (strcmp(argv[i], "--strings") == 0)
			strings = true;
		else if (strncmp(argv[i], "--object=", 9) == 0 && nobjects < 64)
			objects[nobjects++] = strtoull(argv[i] + 9, NULL, 0);
		else if (strcmp(argv[i], "-v") == 0)
			summary = true;
		else
			path = argv[i];
	}
	if (!path || !hp_open(&f, path)) {
		fprintf(stderr, "usage: hprof-check [-v] [--classes] [--threads] [--roots] [--strings] [--object=ID]... FILE\n");
		return 2;
	}
	hp_check(&f);
	if (summary)
		print_summary();
	if (classes)
		print_classes();
	if (threads)
		print_threads();
	if (roots)
		print_roots();
	if (strings)
		print_strings();
	for (unsigned i = 0; i < nobjects; i++)
		print_object(objects[i]);
	int status = f.counts[HP_ERROR] ? 1 : f.counts[HP_WARNING] ? 3 : 0;
	hp_close(&f);
	return status;
}
