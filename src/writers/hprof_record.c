/* SPDX-License-Identifier: MIT */
#include "writers/hprof_record.h"

#include "base/err.h"

enum { SEGMENT_HEAD = 9 };

struct hc_error *hprof_out_init(struct hprof_out *out, struct hc_sink *sink)
{
	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "be32() and be64() always swap");
	memset(out, 0, sizeof(*out));
	out->sink = sink;
	out->buf = malloc(HPROF_SEGMENT_MAX);
	return out->buf ? NULL : err_nomem();
}

void hprof_out_deinit(struct hprof_out *out)
{
	free(out->buf);
	strtab_free(&out->names);
	memset(out, 0, sizeof(*out));
}

/* ---- top-level records ---- */

/* The record's time is always 0: readers derive dates from it, and count backward steps as overflows. */
static uint8_t *record_head(uint8_t *p, uint8_t tag, uint32_t size)
{
	*p++ = tag;
	p = be32(p, 0);
	return be32(p, size);
}

void hprof_header(struct hprof_out *out, uint64_t time_ms)
{
	static const char magic[] = "JAVA PROFILE 1.0.2"; /* with its NUL */
	uint8_t head[12];
	sink_put(out->sink, magic, sizeof(magic));
	be64(be32(head, 8), time_ms);
	sink_put(out->sink, head, sizeof(head));
}

uint64_t hprof_name(struct hprof_out *out, const char *text, size_t len)
{
	size_t before = out->names.strings.len;
	uint32_t id;
	if (!strtab_add(&out->names, text, len, &id)) {
		out->failed = true;
		return 0;
	}
	if (out->names.strings.len > before) {
		uint8_t head[SEGMENT_HEAD + 8];
		be64(record_head(head, HPROF_STRING, (uint32_t)(8 + len)), (uint64_t)id + 1);
		sink_put(out->sink, head, sizeof(head));
		sink_put(out->sink, text, len);
	}
	return (uint64_t)id + 1;
}

uint64_t hprof_name_known(struct hprof_out *out, const char *text, size_t len)
{
	uint32_t id;
	if (strtab_find(&out->names, text, len, &id))
		return (uint64_t)id + 1;
	out->failed = true; /* it ran out when the name was to be written */
	return 0;
}

void hprof_load_class(struct hprof_out *out, uint32_t serial, uint64_t id, uint64_t name)
{
	uint8_t buf[SEGMENT_HEAD + 24], *p = record_head(buf, HPROF_LOAD_CLASS, 24);
	p = be32(p, serial);
	p = be64(p, id);
	p = be32(p, 0);
	be64(p, name);
	sink_put(out->sink, buf, sizeof(buf));
}

void hprof_stack_frame(struct hprof_out *out, uint64_t id, uint64_t method, uint64_t signature, uint64_t source,
                       uint32_t class_serial, int32_t line)
{
	uint8_t buf[SEGMENT_HEAD + 40], *p = record_head(buf, HPROF_STACK_FRAME, 40);
	p = be64(p, id);
	p = be64(p, method);
	p = be64(p, signature);
	p = be64(p, source);
	p = be32(p, class_serial);
	be32(p, (uint32_t)line);
	sink_put(out->sink, buf, sizeof(buf));
}

void hprof_stack_trace(struct hprof_out *out, uint32_t serial, uint32_t thread, uint32_t n)
{
	uint8_t buf[SEGMENT_HEAD + 12], *p = record_head(buf, HPROF_STACK_TRACE, 12 + 8 * n);
	p = be32(p, serial);
	p = be32(p, thread);
	be32(p, n);
	sink_put(out->sink, buf, sizeof(buf));
}

void hprof_put64(struct hprof_out *out, uint64_t v)
{
	uint8_t buf[8];
	be64(buf, v);
	sink_put(out->sink, buf, sizeof(buf));
}

/* ---- segments ---- */

void hprof_segment_flush(struct hprof_out *out)
{
	if (out->len > SEGMENT_HEAD) { /* readers take a segment of length 0 for damage */
		record_head(out->buf, HPROF_HEAP_DUMP_SEGMENT, (uint32_t)(out->len - SEGMENT_HEAD));
		sink_put(out->sink, out->buf, out->len);
	}
	out->len = 0;
}

uint8_t *hprof_sub_slow(struct hprof_out *out, size_t size)
{
	hprof_segment_flush(out);
	uint8_t *p = out->buf + SEGMENT_HEAD;
	out->len = SEGMENT_HEAD + size;
	return p;
}

void hprof_sub_long(struct hprof_out *out, uint64_t size, const void *head, size_t head_len)
{
	uint8_t buf[SEGMENT_HEAD];
	hprof_segment_flush(out);
	record_head(buf, HPROF_HEAP_DUMP_SEGMENT, (uint32_t)size);
	sink_put(out->sink, buf, sizeof(buf));
	sink_put(out->sink, head, head_len);
}

void hprof_end(struct hprof_out *out)
{
	uint8_t buf[SEGMENT_HEAD];
	hprof_segment_flush(out);
	record_head(buf, HPROF_HEAP_DUMP_END, 0);
	sink_put(out->sink, buf, sizeof(buf));
}

/* ---- sub-records ---- */

uint8_t *hprof_instance_head(uint8_t *p, uint64_t id, uint64_t class, uint32_t payload)
{
	*p++ = HPROF_INSTANCE_DUMP;
	p = be64(p, id);
	p = be32(p, 0);
	p = be64(p, class);
	return be32(p, payload);
}

uint8_t *hprof_obj_array_head(uint8_t *p, uint64_t id, uint64_t class, uint32_t n)
{
	*p++ = HPROF_OBJ_ARRAY_DUMP;
	p = be64(p, id);
	p = be32(p, 0);
	p = be32(p, n);
	return be64(p, class);
}

uint8_t *hprof_prim_array_head(uint8_t *p, uint64_t id, uint8_t type, uint32_t n)
{
	*p++ = HPROF_PRIM_ARRAY_DUMP;
	p = be64(p, id);
	p = be32(p, 0);
	p = be32(p, n);
	*p++ = type;
	return p;
}

void hprof_root_sticky(struct hprof_out *out, uint64_t id)
{
	uint8_t *p = hprof_sub(out, 9);
	*p++ = HPROF_ROOT_STICKY_CLASS;
	be64(p, id);
}

void hprof_root_jni_global(struct hprof_out *out, uint64_t id)
{
	uint8_t *p = hprof_sub(out, 17);
	*p++ = HPROF_ROOT_JNI_GLOBAL;
	be64(be64(p, id), 0);
}

void hprof_root_thread(struct hprof_out *out, uint64_t id, uint32_t thread, uint32_t trace)
{
	uint8_t *p = hprof_sub(out, 17);
	*p++ = HPROF_ROOT_THREAD_OBJ;
	be32(be32(be64(p, id), thread), trace);
}

void hprof_root_java_frame(struct hprof_out *out, uint64_t id, uint32_t thread, uint32_t frame)
{
	uint8_t *p = hprof_sub(out, 17);
	*p++ = HPROF_ROOT_JAVA_FRAME;
	be32(be32(be64(p, id), thread), frame);
}
