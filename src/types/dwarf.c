/* SPDX-License-Identifier: MIT */
/*
 * The only user of libdwarf. A damaged entry is a finding, never an error: what surrounds it may still serve. Compiles
 * with libdwarf 20210528 (Debian 12) and with the versions since 0.4, whose object interface has other names.
 */
#include "base/bytes.h"
#include "base/ckd.h"
#include "types/dwarf_priv.h"

#include <dwarf.h>
#include <libdwarf.h>

enum { /* cmd/internal/dwarf: Go's vendor attributes */
	DW_AT_go_kind_ = 0x2900, DW_AT_go_key_ = 0x2901, DW_AT_go_elem_ = 0x2902, DW_AT_go_embedded_field_ = 0x2903,
	DW_AT_go_runtime_type_ = 0x2904, DW_AT_go_closure_offset_ = 0x2907, DW_AT_go_dict_index_ = 0x2906,
	LANG_GO = 0x16,
};

/* ---- what differs between versions of libdwarf ---- */

#ifdef DW_LIBDWARF_VERSION_MAJOR
typedef Dwarf_Obj_Access_Interface_a obj_interface;
typedef Dwarf_Obj_Access_Methods_a obj_methods;
typedef Dwarf_Obj_Access_Section_a obj_section;
typedef Dwarf_Unsigned obj_index;
typedef Dwarf_Small obj_endian;
#define OBJ(field) ai_##field
#define SEC(field) as_##field
#define METHOD(name) om_##name
#define OBJECT_FINISH(dbg) dwarf_object_finish(dbg)
#define ORDER_BIG DW_END_big
#define ORDER_LITTLE DW_END_little
#else
typedef Dwarf_Obj_Access_Interface obj_interface;
typedef Dwarf_Obj_Access_Methods obj_methods;
typedef Dwarf_Obj_Access_Section obj_section;
typedef Dwarf_Half obj_index;
typedef Dwarf_Endianness obj_endian;
#define OBJ(field) field
#define SEC(field) field
#define METHOD(name) name
#define OBJECT_FINISH(dbg) dwarf_object_finish(dbg, NULL)
#define ORDER_BIG DW_OBJECT_MSB
#define ORDER_LITTLE DW_OBJECT_LSB
#endif

struct dwarf_object {
	obj_interface iface;
	struct dwarf *d;
};

/* Section 0 is the empty one, as in ELF; the others are dwarf.sections up to SEC_LIBDWARF, decompressed. */
static int object_section(void *obj, obj_index index, obj_section *ret, int *error)
{
	const struct dwarf *d = ((struct dwarf_object *)obj)->d;
	(void)error;
	memset(ret, 0, sizeof(*ret));
	ret->SEC(name) = "";
	if (index > SEC_LIBDWARF)
		return DW_DLV_NO_ENTRY;
	if (index > 0) {
		ret->SEC(name) = dwarf_section_name((enum dwarf_section_id)(index - 1));
		ret->SEC(size) = d->sections[index - 1].size;
		ret->SEC(type) = 1; /* SHT_PROGBITS */
	}
	return DW_DLV_OK;
}

static int object_load(void *obj, obj_index index, Dwarf_Small **data, int *error)
{
	const struct dwarf *d = ((struct dwarf_object *)obj)->d;
	const uint8_t *p;
	(void)error;
	if (index == 0 || index > SEC_LIBDWARF || !d->sections[index - 1].data)
		return DW_DLV_NO_ENTRY;
	p = d->sections[index - 1].data;
	memcpy(data, &p, sizeof(p)); /* libdwarf's type has no const, but it only reads */
	return DW_DLV_OK;
}

static obj_endian object_order(void *obj)
{
	return ((struct dwarf_object *)obj)->d->exe->be ? ORDER_BIG : ORDER_LITTLE;
}

/* Go writes 32-bit DWARF on every platform. */
static Dwarf_Small object_length_size(void *obj)
{
	(void)obj;
	return 4;
}

static Dwarf_Small object_pointer_size(void *obj)
{
	return ((struct dwarf_object *)obj)->d->exe->word;
}

static Dwarf_Unsigned object_count(void *obj)
{
	(void)obj;
	return SEC_LIBDWARF + 1;
}

#ifdef DW_LIBDWARF_VERSION_MAJOR
static Dwarf_Unsigned object_filesize(void *obj)
{
	return ((struct dwarf_object *)obj)->d->exe->blob->size;
}
#endif

static const obj_methods object_methods = {
	.METHOD(get_section_info) = object_section,
	.METHOD(get_byte_order) = object_order,
	.METHOD(get_length_size) = object_length_size,
	.METHOD(get_pointer_size) = object_pointer_size,
	.METHOD(get_section_count) = object_count,
	.METHOD(load_section) = object_load,
#ifdef DW_LIBDWARF_VERSION_MAJOR
	.METHOD(get_filesize) = object_filesize,
#endif
};

/* ---- entries ---- */

/* True when the call worked; counts and frees its error otherwise, which is looked at when the call is over. */
static bool good(struct dwarf *d, int res, Dwarf_Error *err)
{
	if (res == DW_DLV_ERROR) {
		diag_add(d->diag, HC_SEV_WARNING, "%s: debug information: %s; some types, variables or locations are unknown",
		         d->exe->path, dwarf_errmsg(*err));
		dwarf_dealloc(d->dbg, *err, DW_DLA_ERROR);
	}
	return res == DW_DLV_OK;
}

static bool die_fill(struct dwarf *d, Dwarf_Die h, struct die *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Off off;
	Dwarf_Half tag;
	if (!good(d, dwarf_dieoffset(h, &off, &err), &err) || !good(d, dwarf_tag(h, &tag, &err), &err)) {
		dwarf_dealloc(d->dbg, h, DW_DLA_DIE);
		return false;
	}
	*ret = (struct die){h, off, tag};
	return true;
}

bool die_at(struct dwarf *d, uint64_t off, struct die *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Die h;
	return good(d, dwarf_offdie_b(d->dbg, off, true, &h, &err), &err) && die_fill(d, h, ret);
}

bool die_child(struct dwarf *d, const struct die *parent, struct die *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Die h;
	return good(d, dwarf_child(parent->h, &h, &err), &err) && die_fill(d, h, ret);
}

bool die_next(struct dwarf *d, struct die *die)
{
	Dwarf_Error err = NULL;
	Dwarf_Die h;
	bool more = d->work && good(d, dwarf_siblingof_b(d->dbg, die->h, true, &h, &err), &err);
	uint64_t before = die->off;
	die_free(d, die);
	if (!more || !die_fill(d, h, die))
		return false;
	if (die->off > before)
		return true;
	die_free(d, die); /* a DW_AT_sibling that points back would never end */
	return false;
}

void die_free(struct dwarf *d, struct die *die)
{
	dwarf_dealloc(d->dbg, die->h, DW_DLA_DIE);
	die->h = NULL;
}

/* ---- attributes ---- */

static uint64_t attr_uint(struct dwarf *d, Dwarf_Attribute at)
{
	Dwarf_Error err = NULL;
	Dwarf_Half form = 0;
	Dwarf_Unsigned u;
	Dwarf_Signed s;
	if (!good(d, dwarf_whatform(at, &form, &err), &err))
		return 0;
	if (form == DW_FORM_sdata || form == DW_FORM_implicit_const)
		return good(d, dwarf_formsdata(at, &s, &err), &err) ? (uint64_t)s : 0;
	if (form == DW_FORM_addr || form == DW_FORM_addrx || (form >= DW_FORM_addrx1 && form <= DW_FORM_addrx4))
		return good(d, dwarf_formaddr(at, &u, &err), &err) ? u : 0;
	if (form == DW_FORM_sec_offset)
		return good(d, dwarf_global_formref(at, &u, &err), &err) ? u : 0;
	return good(d, dwarf_formudata(at, &u, &err), &err) ? u : 0;
}

static uint64_t attr_ref(struct dwarf *d, Dwarf_Attribute at)
{
	Dwarf_Error err = NULL;
	Dwarf_Off off;
	return good(d, dwarf_global_formref(at, &off, &err), &err) ? off : 0;
}

static bool attr_flag(struct dwarf *d, Dwarf_Attribute at)
{
	Dwarf_Error err = NULL;
	Dwarf_Bool b;
	return good(d, dwarf_formflag(at, &b, &err), &err) && b;
}

static const char *attr_string(struct dwarf *d, Dwarf_Attribute at)
{
	Dwarf_Error err = NULL;
	char *s;
	if (!d->work || !good(d, dwarf_formstring(at, &s, &err), &err) || !dwarf_work(d, strlen(s)))
		return "";
	return s;
}

/* high_pc is an address in DWARF 2 and 3 and in Go's DWARF 4, else a length. */
static void attr_high(struct dwarf *d, const struct die *die, struct attrs *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Half form = 0;
	enum Dwarf_Form_Class class = DW_FORM_CLASS_UNKNOWN;
	Dwarf_Addr v;
	if (!(ret->have & HAVE_LOW) || !good(d, dwarf_highpc_b(die->h, &v, &form, &class, &err), &err))
		return;
	ret->high = v;
	if (class == DW_FORM_CLASS_CONSTANT && !ckd_add(v, ret->low, &ret->high))
		return;
	ret->have |= HAVE_HIGH;
}

/* Where a field lies. Go 1.7 to 1.9 say it as DWARF 2 does: an expression that adds it to the struct's address. */
static uint64_t attr_member(struct dwarf *d, Dwarf_Attribute at)
{
	Dwarf_Error err = NULL;
	Dwarf_Half form = 0;
	Dwarf_Block *block;
	uint64_t v = 0;
	if (!good(d, dwarf_whatform(at, &form, &err), &err))
		return 0;
	if (form != DW_FORM_block1)
		return attr_uint(d, at);
	if (!good(d, dwarf_formblock(at, &block, &err), &err))
		return 0;
	struct bytes b = bytes_of(block->bl_data, (size_t)block->bl_len, false);
	uint64_t op;
	if (!bytes_uint(&b, 1, &op) || op != DW_OP_plus_uconst || !bytes_uvarint(&b, &v))
		v = 0;
	dwarf_dealloc(d->dbg, block, DW_DLA_BLOCK);
	return v;
}

/* An expression, or the place of a list. */
static void attr_location(struct dwarf *d, Dwarf_Attribute at, struct attrs *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Half form = 0;
	Dwarf_Unsigned len = 0;
	Dwarf_Ptr p = NULL;
	Dwarf_Block *block;
	if (!good(d, dwarf_whatform(at, &form, &err), &err))
		return;
	if (form == DW_FORM_sec_offset || form == DW_FORM_data4) {
		ret->list = attr_uint(d, at);
		ret->have |= HAVE_LIST;
	} else if (form == DW_FORM_exprloc) {
		if (!good(d, dwarf_formexprloc(at, &len, &p, &err), &err))
			return;
	} else if (form == DW_FORM_block1 || form == DW_FORM_block || form == DW_FORM_block2 || form == DW_FORM_block4) {
		if (!good(d, dwarf_formblock(at, &block, &err), &err))
			return;
		len = block->bl_len;
		p = block->bl_data;
		dwarf_dealloc(d->dbg, block, DW_DLA_BLOCK);
	}
	ret->expr = p;
	ret->expr_len = (size_t)len;
}

static void attr_ranges(struct dwarf *d, Dwarf_Attribute at, struct attrs *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Half form = 0;
	if (!good(d, dwarf_whatform(at, &form, &err), &err) || (form != DW_FORM_sec_offset && form != DW_FORM_data4))
		return;
	ret->ranges = attr_uint(d, at);
	ret->have |= HAVE_RANGES;
}

static void attr_read(struct dwarf *d, Dwarf_Half name, Dwarf_Attribute at, struct attrs *ret)
{
	switch (name) {
	case DW_AT_name: ret->name = attr_string(d, at); break;
	case DW_AT_type: ret->type = attr_ref(d, at); break;
	case DW_AT_abstract_origin: ret->origin = attr_ref(d, at); break;
	case DW_AT_go_elem_: ret->elem = attr_ref(d, at); break;
	case DW_AT_go_key_: ret->key = attr_ref(d, at); break;
	case DW_AT_byte_size: ret->size = attr_uint(d, at); break;
	case DW_AT_count: ret->count = attr_uint(d, at); break;
	case DW_AT_const_value: ret->value = (int64_t)attr_uint(d, at), ret->have |= HAVE_VALUE; break;
	case DW_AT_data_member_location: ret->member_off = attr_member(d, at); break;
	case DW_AT_go_kind_: ret->kind = (uint8_t)attr_uint(d, at); break;
	case DW_AT_go_runtime_type_: ret->rtype = attr_uint(d, at); break;
	case DW_AT_go_embedded_field_: ret->embedded = attr_flag(d, at); break;
	case DW_AT_go_closure_offset_: ret->closure = (uint32_t)attr_uint(d, at); break;
	case DW_AT_go_dict_index_: ret->dict = (uint32_t)attr_uint(d, at), ret->have |= HAVE_DICT; break;
	case DW_AT_variable_parameter: ret->result = attr_flag(d, at); break;
	case DW_AT_decl_line: ret->line = (uint32_t)attr_uint(d, at); break;
	case DW_AT_language: ret->lang = (uint16_t)attr_uint(d, at); break;
	case DW_AT_low_pc: ret->low = attr_uint(d, at), ret->have |= HAVE_LOW; break;
	case DW_AT_high_pc: ret->have |= HAVE_HIGH; break;
	case DW_AT_ranges: attr_ranges(d, at, ret); break;
	case DW_AT_location: attr_location(d, at, ret); break;
	default: break;
	}
}

void die_attrs(struct dwarf *d, const struct die *die, struct attrs *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Attribute *list;
	Dwarf_Signed n;
	memset(ret, 0, sizeof(*ret));
	ret->name = "";
	if (!d->work || !good(d, dwarf_attrlist(die->h, &list, &n, &err), &err))
		return;
	dwarf_work(d, (uint64_t)n);
	for (Dwarf_Signed i = 0; i < n; i++) {
		Dwarf_Half name;
		if (good(d, dwarf_whatattr(list[i], &name, &err), &err))
			attr_read(d, name, list[i], ret);
		dwarf_dealloc(d->dbg, list[i], DW_DLA_ATTR);
	}
	dwarf_dealloc(d->dbg, list, DW_DLA_LIST);
	if (ret->have & HAVE_HIGH) {
		ret->have &= ~(unsigned)HAVE_HIGH;
		attr_high(d, die, ret);
	}
}

bool die_addr(struct dwarf *d, const struct die *die, uint64_t index, uint64_t *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Addr addr;
	if (!good(d, dwarf_debug_addr_index_to_addr(die->h, index, &addr, &err), &err))
		return false;
	*ret = addr;
	return true;
}

/* ---- units ---- */

bool die_unit_next(struct dwarf *d, struct die *ret, unsigned *ret_version)
{
	while (d->work) {
		Dwarf_Error err = NULL;
		Dwarf_Unsigned header, abbrev, type, next;
		Dwarf_Half version, addr, length, extension, kind;
		Dwarf_Sig8 sig;
		Dwarf_Die h;
		if (!good(d, dwarf_next_cu_header_d(d->dbg, true, &header, &version, &abbrev, &addr, &length, &extension, &sig,
		                                    &type, &next, &kind, &err), &err))
			return false;
		*ret_version = version;
		if (good(d, dwarf_siblingof_b(d->dbg, NULL, true, &h, &err), &err) && die_fill(d, h, ret))
			return true;
	}
	return false;
}

struct hc_error *dwarf_lib_open(struct dwarf *d)
{
	Dwarf_Error err = NULL;
	const struct dwarf_section *s;
	for (unsigned i = 0; i < SEC_LIBDWARF; i++) {
		struct hc_error *e = dwarf_section(d, (enum dwarf_section_id)i, &s);
		if (e)
			return e;
	}
	d->object = arena_alloc(&d->arena, sizeof(*d->object));
	if (!d->object)
		return err_nomem();
	d->object->d = d;
	d->object->iface.OBJ(object) = d->object;
	d->object->iface.OBJ(methods) = &object_methods;
	int res = dwarf_object_init_b(&d->object->iface, NULL, NULL, DW_GROUPNUMBER_ANY, &d->dbg, &err);
	if (res == DW_DLV_OK)
		return NULL;
	d->dbg = NULL;
	struct hc_error *e = err_new(HC_E_FORMAT, "%s: cannot read its debug information: %s", d->exe->path,
	                             res == DW_DLV_ERROR ? dwarf_errmsg(err) : "no DWARF sections");
	if (res == DW_DLV_ERROR)
		dwarf_dealloc_error(NULL, err);
	return e;
}

void dwarf_lib_close(struct dwarf *d)
{
	if (d->dbg)
		OBJECT_FINISH(d->dbg);
	d->dbg = NULL;
}
