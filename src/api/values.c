/* SPDX-License-Identifier: MIT */
/* Values as text. Knows the public API only. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/values_time.h"
#include "base/bits.h"
#include "heapconv/snapshot.h"
#include "heapconv/value.h"

/* Bytes of a string and fields or elements of a value that are shown; levels of values in values. */
enum { STRING_SHOWN = 64, PARTS_SHOWN = 8, LEVELS = 3 };

struct out {
	const struct hc_snapshot *s;
	char *buf;
	size_t size, len;
};

HC_PRINTF(2, 3)
static void put(struct out *o, const char *fmt, ...)
{
	char none[1];
	va_list ap;
	va_start(ap, fmt);
	bool room = o->len < o->size;
	int n = vsnprintf(room ? o->buf + o->len : none, room ? o->size - o->len : 0, fmt, ap);
	va_end(ap);
	if (n > 0)
		o->len += (size_t)n;
}

static bool word_at(const struct hc_snapshot *s, uint64_t addr, uint64_t *ret)
{
	uint8_t b[8];
	unsigned word = hc_snapshot_info(s)->pointer_size;
	if (!hc_read_memory(s, addr, b, word))
		return false;
	*ret = load_uint(b, word, hc_snapshot_info(s)->big_endian);
	return true;
}

/* As in Go source. Bytes above 0x7f are left: they are UTF-8, or will be replaced where text must be clean. */
static void put_quoted(struct out *o, uint64_t addr, uint64_t len)
{
	uint8_t text[STRING_SHOWN];
	size_t n = len < STRING_SHOWN ? (size_t)len : STRING_SHOWN;
	if (n && !hc_read_memory(o->s, addr, text, n)) {
		put(o, "%" PRIu64 " bytes at 0x%" PRIx64 ", not in the snapshot", len, addr);
		return;
	}
	while (n && len > n && (text[n - 1] & 0xc0) == 0x80) /* not in the middle of a character */
		n--;
	if (n && len > n && text[n - 1] >= 0xc0)
		n--;
	put(o, "\"");
	for (size_t i = 0; i < n; i++) {
		uint8_t c = text[i];
		if (c == '"' || c == '\\')
			put(o, "\\%c", c);
		else if (c == '\n')
			put(o, "\\n");
		else if (c < 0x20 || c == 0x7f)
			put(o, "\\x%02x", c);
		else
			put(o, "%c", c);
	}
	put(o, "\"");
	if (len > n)
		put(o, "... (%" PRIu64 " bytes)", len);
}

static void put_string(struct out *o, uint64_t addr)
{
	uint64_t data = 0, len = 0;
	if (!word_at(o->s, addr, &data) || !word_at(o->s, addr + hc_snapshot_info(o->s)->pointer_size, &len))
		put(o, "?");
	else
		put_quoted(o, data, len);
}

/* "0xc000010010 main.Node+16", for what pointers lead to. */
static void put_pointer(struct out *o, uint64_t ptr)
{
	uint64_t offset;
	struct hc_object obj;
	if (!ptr) {
		put(o, "nil");
		return;
	}
	put(o, "0x%" PRIx64, ptr);
	hc_node node = hc_object_find(o->s, ptr, &offset);
	if (node == HC_NODE_NONE || !hc_object_get(o->s, node, &obj))
		return;
	char name[256];
	hc_object_type_name(o->s, &obj, name, sizeof(name));
	put(o, " %s", name);
	if (offset)
		put(o, "+%" PRIu64, offset);
}

static void put_func(struct out *o, uint64_t closure)
{
	struct hc_line line;
	uint64_t pc;
	if (!closure)
		put(o, "nil");
	else if (!word_at(o->s, closure, &pc) || hc_pc_lines(o->s, pc, &line, 1) == 0)
		put(o, "0x%" PRIx64, closure);
	else
		put(o, "%s", line.function);
}

static void put_slice(struct out *o, const struct hc_type *t, uint64_t addr)
{
	uint64_t word = hc_snapshot_info(o->s)->pointer_size, data, len, cap;
	if (!word_at(o->s, addr, &data) || !word_at(o->s, addr + word, &len) || !word_at(o->s, addr + 2 * word, &cap)) {
		put(o, "?");
		return;
	}
	if (!data) {
		put(o, "nil");
		return;
	}
	put(o, "len %" PRIu64 " cap %" PRIu64 " 0x%" PRIx64, len, cap, data);
	const struct hc_type *elem = hc_type_elem(o->s, t);
	if (elem && hc_type_kind(elem) == HC_KIND_UINT8 && len && len <= cap) {
		put(o, " ");
		put_quoted(o, data, len);
	}
}

/*
 * runtime.hchan: qcount and dataqsiz are the first two words; closed comes after buf and elemsize (Go 1.4 and later).
 */
static void put_chan(struct out *o, uint64_t ptr)
{
	uint64_t word = hc_snapshot_info(o->s)->pointer_size, n, cap;
	uint8_t b[4];
	if (!ptr) {
		put(o, "nil");
		return;
	}
	put(o, "0x%" PRIx64, ptr);
	if (!word_at(o->s, ptr, &n) || !word_at(o->s, ptr + word, &cap))
		return;
	put(o, ", holds %" PRIu64 " of %" PRIu64, n, cap);
	if (hc_read_memory(o->s, ptr + 3 * word + 4, b, 4) && load32(b, hc_snapshot_info(o->s)->big_endian))
		put(o, ", closed");
}

static void put_number(struct out *o, enum hc_kind kind, const uint8_t *b, size_t size)
{
	bool be = hc_snapshot_info(o->s)->big_endian;
	uint64_t v = size <= 8 ? load_uint(b, (unsigned)size, be) : 0;
	float f;
	double d;
	if (kind == HC_KIND_BOOL) {
		put(o, "%s", v ? "true" : "false");
	} else if (kind >= HC_KIND_INT && kind <= HC_KIND_INT64) {
		unsigned shift = 64 - 8 * (unsigned)size;
		put(o, "%" PRId64, (int64_t)(v << shift) >> shift);
	} else if (kind == HC_KIND_UINTPTR) {
		put(o, "0x%" PRIx64, v);
	} else if (kind == HC_KIND_FLOAT32) {
		uint32_t bits = (uint32_t)v;
		memcpy(&f, &bits, sizeof(f));
		put(o, "%g", (double)f);
	} else if (kind == HC_KIND_FLOAT64) {
		memcpy(&d, &v, sizeof(d));
		put(o, "%.17g", d);
	} else {
		put(o, "%" PRIu64, v);
	}
}

static void put_scalar(struct out *o, enum hc_kind kind, uint64_t addr, uint64_t size)
{
	uint8_t b[16];
	if ((size != 1 && size != 2 && size != 4 && size != 8 && size != 16) ||
	    !hc_read_memory(o->s, addr, b, (size_t)size)) {
		put(o, "?");
		return;
	}
	if (kind != HC_KIND_COMPLEX64 && kind != HC_KIND_COMPLEX128) {
		put_number(o, kind, b, (size_t)size);
		return;
	}
	enum hc_kind part = kind == HC_KIND_COMPLEX64 ? HC_KIND_FLOAT32 : HC_KIND_FLOAT64;
	put(o, "(");
	put_number(o, part, b, (size_t)size / 2);
	put(o, " + ");
	put_number(o, part, b + size / 2, (size_t)size / 2);
	put(o, "i)");
}

static void put_value(struct out *o, const struct hc_type *t, uint64_t addr, int level);

static void put_parts(struct out *o, const struct hc_type *t, uint64_t addr, int level)
{
	bool is_struct = hc_type_kind(t) == HC_KIND_STRUCT;
	const struct hc_type *elem = is_struct ? NULL : hc_type_elem(o->s, t);
	uint64_t n = is_struct ? hc_type_field_count(t) : hc_type_len(t);
	put(o, is_struct ? "{" : "[");
	for (uint64_t i = 0; i < n && o->len < o->size; i++) {
		if (i)
			put(o, ", ");
		if (i == PARTS_SHOWN || level == LEVELS) {
			put(o, "...");
			break;
		}
		struct hc_field f = {NULL, elem, elem ? i * hc_type_size(elem) : 0, false};
		if (is_struct) {
			f = hc_type_field_at(o->s, t, (uint32_t)i);
			put(o, "%s: ", f.name);
		}
		put_value(o, f.type, addr + f.offset, level + 1);
	}
	put(o, is_struct ? "}" : "]");
}

static bool is_pointer_shaped(const struct hc_type *t)
{
	enum hc_kind k = hc_type_kind(t);
	return k == HC_KIND_PTR || k == HC_KIND_CHAN || k == HC_KIND_MAP || k == HC_KIND_FUNC ||
		k == HC_KIND_UNSAFE_POINTER;
}

static void put_interface(struct out *o, const struct hc_type *t, uint64_t addr, int level)
{
	uint64_t first, data, word = hc_snapshot_info(o->s)->pointer_size;
	if (!word_at(o->s, addr, &first) || !word_at(o->s, addr + word, &data)) {
		put(o, "?");
		return;
	}
	if (!first) {
		put(o, "nil");
		return;
	}
	const struct hc_type *dynamic = hc_interface_type(o->s, t, first);
	if (!dynamic) {
		put(o, "(unknown type) ");
		put_pointer(o, data);
		return;
	}
	put(o, "(%s) ", hc_type_name(dynamic));
	/*
	 * Pointer-shaped values are the word itself; so are, which matters less here, structs and arrays of one of
	 * them.
	 */
	if (is_pointer_shaped(dynamic))
		put_value(o, dynamic, addr + word, level + 1);
	else if (level < LEVELS && (hc_type_size(dynamic) != word || !(hc_type_kind(dynamic) == HC_KIND_STRUCT ||
	         hc_type_kind(dynamic) == HC_KIND_ARRAY)))
		put_value(o, dynamic, data, level + 1);
	else
		put_pointer(o, data);
}

static void put_map(struct out *o, uint64_t ptr)
{
	if (ptr)
		put(o, "len %" PRIu64 " 0x%" PRIx64, hc_map_len(o->s, ptr), ptr);
	else
		put(o, "nil");
}

/* Calls itself for parts of values, at most LEVELS deep. */
static void put_value(struct out *o, const struct hc_type *t, uint64_t addr, int level)
{
	uint64_t ptr = 0;
	char text[VALUES_TIME];
	enum hc_kind kind = t ? hc_type_kind(t) : HC_KIND_INVALID;
	if (t && values_time(o->s, t, addr, text, sizeof(text))) {
		put(o, "%s", text);
		return;
	}
	switch (kind) {
	case HC_KIND_STRUCT:
	case HC_KIND_ARRAY:
		put_parts(o, t, addr, level);
		return;
	case HC_KIND_STRING:
		put_string(o, addr);
		return;
	case HC_KIND_SLICE:
		put_slice(o, t, addr);
		return;
	case HC_KIND_INTERFACE:
		put_interface(o, t, addr, level);
		return;
	case HC_KIND_PTR:
	case HC_KIND_UNSAFE_POINTER:
	case HC_KIND_MAP:
	case HC_KIND_CHAN:
	case HC_KIND_FUNC:
		break;
	case HC_KIND_BOOL: case HC_KIND_INT: case HC_KIND_INT8: case HC_KIND_INT16: case HC_KIND_INT32: case HC_KIND_INT64:
	case HC_KIND_UINT: case HC_KIND_UINT8: case HC_KIND_UINT16: case HC_KIND_UINT32: case HC_KIND_UINT64:
	case HC_KIND_UINTPTR: case HC_KIND_FLOAT32: case HC_KIND_FLOAT64: case HC_KIND_COMPLEX64: case HC_KIND_COMPLEX128:
		put_scalar(o, kind, addr, hc_type_size(t));
		return;
	case HC_KIND_INVALID:
	default:
		put(o, "?");
		return;
	}
	if (!word_at(o->s, addr, &ptr))
		put(o, "?");
	else if (kind == HC_KIND_FUNC)
		put_func(o, ptr);
	else if (kind == HC_KIND_CHAN)
		put_chan(o, ptr);
	else if (kind == HC_KIND_MAP)
		put_map(o, ptr);
	else
		put_pointer(o, ptr);
}

size_t hc_value_text(const struct hc_snapshot *s, const struct hc_type *t, uint64_t addr, char *buf, size_t size)
{
	struct out o = {s, buf, size, 0};
	if (size)
		buf[0] = '\0';
	put_value(&o, t, addr, 0);
	return o.len;
}
