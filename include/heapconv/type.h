/* SPDX-License-Identifier: MIT */
/*
 * Go types of the snapshot. A `const struct hc_type *` lives until hc_close(); NULL stands for "unknown".
 * Types have dense numbers 0 .. hc_type_count()-1, stable for one executable.
 */
#ifndef HEAPCONV_TYPE_H
#define HEAPCONV_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "heapconv/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hc_snapshot;
struct hc_type;

/** Go's reflect.Kind numbers. */
enum hc_kind {
	HC_KIND_INVALID,
	HC_KIND_BOOL,
	HC_KIND_INT, HC_KIND_INT8, HC_KIND_INT16, HC_KIND_INT32, HC_KIND_INT64,
	HC_KIND_UINT, HC_KIND_UINT8, HC_KIND_UINT16, HC_KIND_UINT32, HC_KIND_UINT64, HC_KIND_UINTPTR,
	HC_KIND_FLOAT32, HC_KIND_FLOAT64, HC_KIND_COMPLEX64, HC_KIND_COMPLEX128,
	HC_KIND_ARRAY, HC_KIND_CHAN, HC_KIND_FUNC, HC_KIND_INTERFACE, HC_KIND_MAP, HC_KIND_PTR, HC_KIND_SLICE,
	HC_KIND_STRING, HC_KIND_STRUCT, HC_KIND_UNSAFE_POINTER
};

struct hc_field {
	const char *name;
	const struct hc_type *type;
	uint64_t offset; /**< bytes from the start of the struct */
	bool embedded;
};

HC_API uint32_t hc_type_count(const struct hc_snapshot *s);
HC_API const struct hc_type *hc_type_at(const struct hc_snapshot *s, uint32_t i);
/** The number of a type; its position in hc_type_at(). */
HC_API uint32_t hc_type_number(const struct hc_snapshot *s, const struct hc_type *t);
/** Full name with import paths, as in "github.com/acme/app/store.Entry" or "map[string]*main.Node". */
HC_API const char *hc_type_name(const struct hc_type *t);
/** Import path of the package of a named type, or of the innermost named element type; "" for none. */
HC_API const char *hc_type_package(const struct hc_snapshot *s, const struct hc_type *t);
HC_API enum hc_kind hc_type_kind(const struct hc_type *t);
/** Bytes of one value, without size-class rounding. */
HC_API uint64_t hc_type_size(const struct hc_type *t);
/** Element type of arrays, channels, maps, pointers, slices; NULL for others. */
HC_API const struct hc_type *hc_type_elem(const struct hc_snapshot *s, const struct hc_type *t);
/** Key type of maps; NULL for others. */
HC_API const struct hc_type *hc_type_key(const struct hc_snapshot *s, const struct hc_type *t);
/** Length of arrays; 0 for others. */
HC_API uint64_t hc_type_len(const struct hc_type *t);
HC_API uint32_t hc_type_field_count(const struct hc_type *t);
/** Field i of a struct (also of strings, slices and interfaces, whose words are fields), in order of offset. */
HC_API struct hc_field hc_type_field_at(const struct hc_snapshot *s, const struct hc_type *t, uint32_t i);
/** Is the word that covers byte `offset` of a value a pointer to the garbage collector? */
HC_API bool hc_type_is_pointer_at(const struct hc_snapshot *s, const struct hc_type *t, uint64_t offset);
/** Bytes of a value up to and with its last word that may be a pointer: what the collector looks at. */
HC_API uint64_t hc_type_scan_bytes(const struct hc_snapshot *s, const struct hc_type *t);
/** Made by heapconv rather than found in the program (map storage by descriptor, closures). */
HC_API bool hc_type_synthetic(const struct hc_type *t);

#ifdef __cplusplus
}
#endif
#endif
