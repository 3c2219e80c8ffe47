/* SPDX-License-Identifier: MIT */
/*
 * Maps. A map variable points to a header; what that points to depends on its other fields.
 *
 * Go 1.24 on (internal/runtime/maps): map<K,V> holds either one group of eight slots (dirLen 0) or a directory of
 * pointers to table<K,V>, each with an array of groups. Before (runtime/map.go): hash<K,V> with 2^B buckets and, while
 * it grows, the old ones; maps without pointers keep their overflow buckets alive through `extra`.
 *
 * The names and fields are those that the linker writes into the debug information; without it the same storage is made
 * from the map's descriptor, which names the group or bucket type.
 */
#include <string.h>

#include "graph/typing_priv.h"

/* ---- storage by descriptor ---- */

static struct field field_of(const char *name, uint32_t type, uint64_t off)
{
	return (struct field){name, type, off, false};
}

/* Named map types share the storage of the unnamed one. */
static bool same_fields(const struct types *ts, uint32_t id, uint64_t size, const struct field *f, uint32_t n)
{
	const struct type *t = id < ts->n ? &ts->t[id] : NULL;
	if (!t || t->size != size || t->nfields != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (t->fields[i].type != f[i].type || t->fields[i].offset != f[i].offset)
			return false;
	return true;
}

static uint32_t struct_add(struct typing *ty, const char *fmt, const struct type *map, uint64_t size,
                           const struct field *fields, uint32_t n)
{
	struct types *ts = ty->t;
	struct field *f = arena_alloc(&ts->arena, n * sizeof(*f));
	const char *k = map->key < ts->n ? ts->t[map->key].name : "?";
	const char *v = map->elem < ts->n ? ts->t[map->elem].name : "?";
	char *name = arena_printf(&ts->arena, "%s<%s,%s>", fmt, k, v);
	if (!f || !name)
		return TYPE_NONE;
	uint32_t old = types_by_name(ts, name);
	if (same_fields(ts, old, size, fields, n))
		return old;
	memcpy(f, fields, n * sizeof(*f));
	struct type t = {.name = name, .pkg = "", .size = size, .elem = TYPE_NONE, .key = TYPE_NONE,
	                 .storage = TYPE_NONE, .fields = f, .nfields = n, .kind = KIND_STRUCT,
	                 .flags = TYPE_F_SYNTHETIC};
	uint32_t id = types_add(ts, &t);
	struct hc_error *err = id == TYPE_NONE ? NULL : types_finish(ts);
	hc_error_free(err);
	return err ? TYPE_NONE : id;
}

static uint32_t swiss_storage(struct typing *ty, const struct type *map, uint32_t group)
{
	struct types *ts = ty->t;
	uint64_t w = ty->word;
	uint32_t number = types_by_name(ts, "uintptr"), data = types_ptr_to(ts, group);
	if (number == TYPE_NONE || data == TYPE_NONE)
		return TYPE_NONE;
	/* {used, capacity, growthLeft uint16; localDepth uint8; index int; data *group; lengthMask uint64} */
	struct field tf[] = {field_of("index", number, 8), field_of("data", data, 8 + w),
	                     field_of("lengthMask", number, 8 + 2 * w)};
	uint32_t table = struct_add(ty, "table", map, 16 + 2 * w, tf, 3);
	uint32_t entry = types_ptr_to(ts, table), dir = entry == TYPE_NONE ? entry : types_ptr_to(ts, entry);
	if (dir == TYPE_NONE)
		return TYPE_NONE;
	/* {used uint64; seed uintptr; dirPtr; dirLen int; 3 or 4 bytes; clearSeq uint64} */
	struct field mf[] = {field_of("seed", number, 8), field_of("dirPtr", dir, 8 + w),
	                     field_of("dirLen", number, 8 + 2 * w)};
	return struct_add(ty, "map", map, 16 + 4 * w, mf, 3);
}

static uint32_t hash_storage(struct typing *ty, const struct type *map, uint32_t bucket)
{
	struct types *ts = ty->t;
	uint64_t w = ty->word;
	uint32_t number = types_by_name(ts, "uintptr"), byte = ty->uint8, data = types_ptr_to(ts, bucket);
	uint32_t any = types_by_name(ts, "unsafe.Pointer");
	if (number == TYPE_NONE || byte == TYPE_NONE || data == TYPE_NONE || any == TYPE_NONE)
		return TYPE_NONE;
	struct field f[] = {field_of("count", number, 0), field_of("flags", byte, w), field_of("B", byte, w + 1),
	                    field_of("buckets", data, w + 8), field_of("oldbuckets", data, 2 * w + 8),
	                    field_of("nevacuate", number, 3 * w + 8), field_of("extra", any, 4 * w + 8)};
	return struct_add(ty, "hash", map, 5 * w + 8, f, 7);
}

/* The group or bucket type of a map type, by its descriptor: the common part, then key, elem, and that. */
static uint32_t map_part(struct typing *ty, const struct type *map)
{
	uint64_t inner, word = ty->word;
	if (!proc_word(ty->h->proc, map->rtype + 4 * word + 16 + 2 * word, &inner))
		return TYPE_NONE;
	return types_by_rtype(ty->t, inner);
}

/* A type gets another name, and so do the unnamed *T and []*T that the program has. */
static void part_rename(struct typing *ty, uint32_t part, const char *name)
{
	struct types *ts = ty->t;
	static const char *const prefixes[] = {"", "*", "[]*"};
	struct map *const next[] = {&ts->ptrs, &ts->slices};
	for (size_t k = 0; k < 3 && name; k++) {
		const char *full = arena_printf(&ts->arena, "%s%s", prefixes[k], name);
		ts->t[part].name = full ? full : ts->t[part].name;
		if (k == 2 || !map_get(next[k], part, &part))
			return;
	}
}

/*
 * Buckets get the names that the debug information has for them. Groups, as in the debug information, keep that of
 * their descriptor.
 */
void maps_name(struct typing *ty)
{
	static const char *const prefixes[] = {"noalg.map.group[", "map.group[", "noalg.map.bucket[", "map.bucket["};
	struct types *ts = ty->t;
	for (uint32_t i = 0, n = ts->n; i < n; i++) {
		struct type map = ts->t[i];
		uint32_t part = map.kind == KIND_MAP && map.rtype ? map_part(ty, &map) : TYPE_NONE;
		if (part == TYPE_NONE || map.key >= ts->n || map.elem >= ts->n)
			continue;
		const char *key = ts->t[map.key].name, *elem = ts->t[map.elem].name;
		for (size_t k = 0; k < sizeof(prefixes) / sizeof(prefixes[0]); k++) {
			if (strncmp(ts->t[part].name, prefixes[k], strlen(prefixes[k])) != 0)
				continue;
			if (k >= 2 && !ts->dwarf)
				part_rename(ty, part, arena_printf(&ts->arena, "bucket<%s,%s>", key, elem));
			else
				part_rename(ty, part, arena_printf(&ts->arena, "%s%s]%s", prefixes[k], key, elem));
			break;
		}
	}
}

/* The storage type of a map type; made from the descriptor where the debug information has none. */
static uint32_t map_storage(struct typing *ty, uint32_t maptype)
{
	struct type map = ty->t->t[maptype];
	if (map.storage != TYPE_NONE || !map.rtype)
		return map.storage;
	uint32_t id = map_part(ty, &map);
	if (id == TYPE_NONE)
		return TYPE_NONE;
	id = program_swiss_maps(ty->h->prog) ? swiss_storage(ty, &map, id) : hash_storage(ty, &map, id);
	ty->t->t[maptype].storage = id;
	return id;
}

/* ---- compiling ---- */

static int32_t field_off(const struct types *t, uint32_t type, const char *name)
{
	const struct field *f = type_field(t, type, name);
	return f && f->offset < INT32_MAX / 2 ? (int32_t)f->offset : -1;
}

static uint32_t elem_of(const struct types *t, uint32_t type)
{
	return type < t->n ? t->t[type].elem : TYPE_NONE;
}

/* The type that a pointer field points to. */
static uint32_t field_elem(const struct types *t, uint32_t type, const char *name)
{
	const struct field *f = type_field(t, type, name);
	return f ? elem_of(t, f->type) : TYPE_NONE;
}

static bool table_compile(struct typing *ty, uint32_t type, struct storage *s)
{
	const struct types *t = ty->t;
	const struct field *g = type_field(t, type, "groups");
	uint32_t in = g ? g->type : type;
	int32_t base = g ? (int32_t)g->offset : 0;
	s->ptr = field_off(t, in, "data");
	s->n = field_off(t, in, "lengthMask");
	if (s->ptr < 0 || s->n < 0)
		return false;
	s->ptr += base;
	s->n += base;
	s->n_size = 8;
	s->elem = field_elem(t, in, "data");
	return s->elem != TYPE_NONE;
}

static bool map_compile(struct typing *ty, uint32_t type, struct storage *s)
{
	struct storage table = {0};
	s->ptr = field_off(ty->t, type, "dirPtr");
	s->n = field_off(ty->t, type, "dirLen");
	s->n_size = (uint8_t)ty->word;
	s->many = field_elem(ty->t, type, "dirPtr");
	if (s->ptr < 0 || s->n < 0 || !table_compile(ty, elem_of(ty->t, s->many), &table))
		return false;
	s->elem = table.elem;
	return true;
}

static bool hash_compile(struct typing *ty, uint32_t type, struct storage *s)
{
	s->ptr = field_off(ty->t, type, "buckets");
	s->ptr2 = field_off(ty->t, type, "oldbuckets");
	s->n = field_off(ty->t, type, "B");
	s->n2 = field_off(ty->t, type, "flags");
	s->extra = field_off(ty->t, type, "extra");
	s->n_size = 1;
	s->elem = field_elem(ty->t, type, "buckets");
	return s->ptr >= 0 && s->ptr2 >= 0 && s->n >= 0 && s->n2 >= 0 && s->elem != TYPE_NONE;
}

/*
 * The debug information types a bucket's overflow field as a pointer; when keys and elements have none the runtime
 * makes it a uintptr, and the bucket has no pointers at all.
 */
static void bucket_compile(struct typing *ty, uint32_t type, struct prog *p)
{
	const struct field *k = type_field(ty->t, type, "keys"), *v = type_field(ty->t, type, "values");
	if (!k || !v || k->type >= ty->t->n || v->type >= ty->t->n || ty->t->t[k->type].ptr_words ||
	    ty->t->t[v->type].ptr_words)
		return;
	p->ptr_words = p->bit_words = p->mask = 0;
}

void storage_compile(struct typing *ty, uint32_t type, struct prog *p)
{
	const char *name = ty->t->t[type].name;
	struct storage s = {-1, -1, -1, -1, -1, -1, 0, TYPE_NONE, TYPE_NONE};
	uint8_t special = SP_NONE;
	if (ty->t->t[type].kind != KIND_STRUCT || !strchr(name, '<') || (p->flags & PROG_NEVER))
		return;
	if (strncmp(name, "bucket<", 7) == 0)
		bucket_compile(ty, type, p);
	else if (strncmp(name, "map<", 4) == 0)
		special = map_compile(ty, type, &s) ? SP_SWISS_MAP : SP_NONE;
	else if (strncmp(name, "table<", 6) == 0)
		special = table_compile(ty, type, &s) ? SP_SWISS_TABLE : SP_NONE;
	else if (strncmp(name, "hash<", 5) == 0)
		special = hash_compile(ty, type, &s) ? SP_HASH : SP_NONE;
	else if (strncmp(name, "hchan<", 6) == 0)
		special = chan_compile(ty, type, &s) ? SP_CHAN : SP_NONE;
	if (special == SP_NONE)
		return;
	if (!vec_push(&ty->storage, s)) {
		ty->nomem = true;
		return;
	}
	p->special = special;
	p->aux = (uint32_t)ty->storage.len - 1;
	if (special == SP_CHAN)
		p->flags |= PROG_ANYMASK;
}

/* ---- following ---- */

void map_claim(struct typing *ty, uint64_t addr, uint32_t maptype, unsigned flags)
{
	uint32_t storage = maptype < ty->t->n ? map_storage(ty, maptype) : TYPE_NONE;
	if (storage != TYPE_NONE)
		claim(ty, addr, storage, ty->t->t[storage].size, flags);
}

static void claim_array(struct typing *ty, uint64_t addr, uint32_t type, uint64_t count, unsigned flags)
{
	uint64_t bytes;
	if (addr && count && type < ty->t->n && !__builtin_mul_overflow(count, ty->t->t[type].size, &bytes))
		claim(ty, addr, type, bytes, flags);
}

/* Bytes from addr to the end of the object it points into, at most; 0: into none. */
static uint64_t bytes_behind(const struct typing *ty, uint64_t addr)
{
	uint32_t span, id = heap_find_slot(ty->h, addr, &span);
	if (id == OBJ_NONE)
		return 0;
	uint64_t off = addr - span_object_addr(&ty->h->spans[span], id), usable = span_usable(ty->h, span);
	return off < usable ? usable - off : 0;
}

/*
 * Arrays of 16 buckets and more come with spare overflow buckets in the same object, rounded up to the size class
 * (makeBucketArray): the object is full of buckets.
 */
static void claim_buckets(struct typing *ty, uint64_t addr, uint32_t bucket, uint64_t b, unsigned flags)
{
	uint64_t count = b < 48 ? UINT64_C(1) << b : 0, size = ty->t->t[bucket].size;
	if (!addr || !size || !count)
		return;
	uint64_t fit = b >= 4 ? bytes_behind(ty, addr) / size : 0;
	claim_array(ty, addr, bucket, fit > count ? fit : count, flags | CLAIM_ARRAY);
}

/*
 * mapextra {overflow, oldoverflow *[]*bmap; nextOverflow *bmap}: the only pointers to the overflow buckets of maps
 * without pointers.
 */
static void extra_scan(struct typing *ty, uint64_t extra, uint32_t bucket, unsigned flags)
{
	uint32_t ptr = types_ptr_to(ty->t, bucket), slice = ptr == TYPE_NONE ? ptr : types_slice_of(ty->t, ptr);
	if (ty->mapextra != TYPE_NONE)
		claim(ty, extra, ty->mapextra, ty->t->t[ty->mapextra].size, flags);
	for (unsigned i = 0; slice != TYPE_NONE && i < 2; i++) {
		uint64_t at;
		if (proc_word(ty->h->proc, extra + (uint64_t)i * ty->word, &at) && at)
			claim(ty, at, slice, ty->t->t[slice].size, flags);
	}
}

void map_scan(struct typing *ty, const struct prog *p, uint64_t addr, unsigned flags)
{
	struct storage s = ty->storage.data[p->aux];
	const struct proc *proc = ty->h->proc;
	uint64_t ptr, n;
	if (!proc_word(proc, addr + (uint64_t)s.ptr, &ptr) || !proc_uint(proc, addr + (uint64_t)s.n, s.n_size, &n))
		return;
	flags &= CLAIM_INFER;
	if (p->special == SP_SWISS_MAP) {
		if (n == 0)
			claim_array(ty, ptr, s.elem, 1, flags);
		else
			claim_array(ty, ptr, s.many, n, flags | CLAIM_ARRAY);
	} else if (p->special == SP_SWISS_TABLE) {
		claim_array(ty, ptr, s.elem, n + 1, flags | CLAIM_ARRAY);
	} else {
		enum { SAME_SIZE_GROW = 8 };
		uint64_t old, extra, map_flags;
		claim_buckets(ty, ptr, s.elem, n, flags);
		if (proc_word(proc, addr + (uint64_t)s.ptr2, &old) && old &&
		    proc_uint(proc, addr + (uint64_t)s.n2, 1, &map_flags) && (n || (map_flags & SAME_SIZE_GROW)))
			claim_buckets(ty, old, s.elem, map_flags & SAME_SIZE_GROW ? n : n - 1, flags);
		if (s.extra >= 0 && proc_word(proc, addr + (uint64_t)s.extra, &extra) && extra)
			extra_scan(ty, extra, s.elem, flags);
	}
}
