/* SPDX-License-Identifier: MIT */
/*
 * Records of the HPROF 1.0.2 format, big-endian. Top-level records (names, classes, frames) go straight to the sink;
 * sub-records are collected into HEAP_DUMP_SEGMENTs whose length is known before they are written, so that the output
 * may be a pipe. Identifiers are 8 bytes.
 */
#ifndef WRITERS_HPROF_RECORD_H
#define WRITERS_HPROF_RECORD_H

#include <string.h>

#include "base/strtab.h"
#include "writers/sink.h"

enum hprof_tag {
	HPROF_STRING = 0x01,
	HPROF_LOAD_CLASS = 0x02,
	HPROF_STACK_FRAME = 0x04,
	HPROF_STACK_TRACE = 0x05,
	HPROF_HEAP_DUMP_SEGMENT = 0x1c,
	HPROF_HEAP_DUMP_END = 0x2c,
	/* in segments */
	HPROF_ROOT_JNI_GLOBAL = 0x01,
	HPROF_ROOT_JAVA_FRAME = 0x03,
	HPROF_ROOT_STICKY_CLASS = 0x05,
	HPROF_ROOT_THREAD_OBJ = 0x08,
	HPROF_CLASS_DUMP = 0x20,
	HPROF_INSTANCE_DUMP = 0x21,
	HPROF_OBJ_ARRAY_DUMP = 0x22,
	HPROF_PRIM_ARRAY_DUMP = 0x23,
};

/* Basic types. */
enum hprof_type {
	HPROF_OBJECT = 2, HPROF_BOOLEAN = 4, HPROF_CHAR = 5, HPROF_FLOAT = 6, HPROF_DOUBLE = 7, HPROF_BYTE = 8,
	HPROF_SHORT = 9, HPROF_INT = 10, HPROF_LONG = 11,
};

static inline uint32_t hprof_type_size(uint8_t type)
{
	static const uint8_t size[] = {[HPROF_OBJECT] = 8, [HPROF_BOOLEAN] = 1, [HPROF_CHAR] = 2, [HPROF_FLOAT] = 4,
	                               [HPROF_DOUBLE] = 8, [HPROF_BYTE] = 1, [HPROF_SHORT] = 2, [HPROF_INT] = 4,
	                               [HPROF_LONG] = 8};
	return size[type];
}

enum {
	HPROF_INSTANCE_HEAD = 25, /* bytes of an INSTANCE_DUMP before its values */
	HPROF_OBJ_ARRAY_HEAD = 25,
	HPROF_PRIM_ARRAY_HEAD = 18,
	HPROF_SEGMENT_MAX = 1 << 20, /* what one segment collects; larger sub-records get one of their own */
};

struct hprof_out {
	struct hc_sink *sink;
	uint8_t *buf;  /* the open segment, its header in front */
	size_t len;    /* 0: none open */
	struct strtab names; /* STRING id is the number here plus 1 */
	bool failed;   /* memory ran out: what was written since is worthless */
};

struct hc_error *hprof_out_init(struct hprof_out *out, struct hc_sink *sink) HC_MUST_CHECK;
void hprof_out_deinit(struct hprof_out *out);

static inline uint8_t *be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static inline uint8_t *be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v); /* hosts are little-endian; hprof_out_init() makes sure */
	memcpy(p, &v, sizeof(v));
	return p + 4;
}

static inline uint8_t *be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
	return p + 8;
}

/* ---- top-level records, before the first segment ---- */

void hprof_header(struct hprof_out *out, uint64_t time_ms);
/* The id of a name, whose STRING record is written when it is new. Names are valid UTF-8 of at most 32 KB. */
uint64_t hprof_name(struct hprof_out *out, const char *text, size_t len);
/* The id of a name that hprof_name() has seen; for use in segments. */
uint64_t hprof_name_known(struct hprof_out *out, const char *text, size_t len);
void hprof_load_class(struct hprof_out *out, uint32_t serial, uint64_t id, uint64_t name);
void hprof_stack_frame(struct hprof_out *out, uint64_t id, uint64_t method, uint64_t signature, uint64_t source,
                       uint32_t class_serial, int32_t line);
/* Followed by n calls of hprof_put64() with frame ids, innermost first. */
void hprof_stack_trace(struct hprof_out *out, uint32_t serial, uint32_t thread, uint32_t n);
void hprof_put64(struct hprof_out *out, uint64_t v);

/* ---- segments ---- */

void hprof_segment_flush(struct hprof_out *out);
/* HEAP_DUMP_END, the last record. */
void hprof_end(struct hprof_out *out);

/* Slow path of the next one. */
uint8_t *hprof_sub_slow(struct hprof_out *out, size_t size);

/* Room for a sub-record of exactly `size` bytes, at most HPROF_SEGMENT_MAX - 9, to be filled at once. */
static inline uint8_t *hprof_sub(struct hprof_out *out, size_t size)
{
	if (out->len == 0 || size > HPROF_SEGMENT_MAX - out->len)
		return hprof_sub_slow(out, size);
	uint8_t *p = out->buf + out->len;
	out->len += size;
	return p;
}

/*
 * A sub-record of any size up to 4 GiB - 1: opens a segment of its own and writes the head; exactly size - head_len bytes
 * must follow through sink_put().
 */
void hprof_sub_long(struct hprof_out *out, uint64_t size, const void *head, size_t head_len);

/* Heads of sub-records, written to p; they return what follows it. */
uint8_t *hprof_instance_head(uint8_t *p, uint64_t id, uint64_t class, uint32_t payload);
uint8_t *hprof_obj_array_head(uint8_t *p, uint64_t id, uint64_t class, uint32_t n);
uint8_t *hprof_prim_array_head(uint8_t *p, uint64_t id, uint8_t type, uint32_t n);

void hprof_root_sticky(struct hprof_out *out, uint64_t id);
void hprof_root_jni_global(struct hprof_out *out, uint64_t id);
void hprof_root_thread(struct hprof_out *out, uint64_t id, uint32_t thread, uint32_t trace);
/* frame: position in the thread's trace, 0 the innermost; UINT32_MAX none. */
void hprof_root_java_frame(struct hprof_out *out, uint64_t id, uint32_t thread, uint32_t frame);

#endif
