/* SPDX-License-Identifier: MIT */
/*
 * The only user of libdwarf. A damaged entry is a finding, never an error: what surrounds it may still serve. Compiles
 * with libdwarf 20210528 (Debian 12) and with the versions since 0.4, whose object interface has other names.
 */
#include "base/bytes.h"
#include "types/dwarf_priv.h"

#include <dwarf.h>
#include <libdwarf.h>

enum { /* cmd/internal/dwarf: Go's vendor attributes */
	DW_AT_go_kind_ = 0x2900, DW_AT_go_key_ = 0x2901, DW_AT_go_elem_ = 0x2902, DW_AT_go_embedded_field_ = 0x2903,
	DW_AT_go_runtime_type_ = 0x2904, DW_AT_go_closure_offset_ = 0x2907,
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
#endif

struct dwarf_object {
	obj_interface iface;
	struct dwarf *d;
};

/* Section 0 is the empty one, as in ELF. */
static int object_section(void *obj, obj_index index, obj_section *ret, int *error)
{
	const struct dwarf *d = ((struct dwarf_object *)obj)->d;
	(void)error;
	memset(ret, 0, sizeof(*ret));
	ret->SEC(name) = "";
	if (index > d->sections.len)
		return DW_DLV_NO_ENTRY;
	if (index > 0) {
		const struct dwarf_section *s = &d->sections.data[index - 1];
		ret->SEC(name) = s->name;
		ret->SEC(size) = s->size;
		ret->SEC(addr) = s->addr;
		ret->SEC(type) = 1; /* SHT_PROGBITS */
	}
	return DW_DLV_OK;
}

static int object_load(void *obj, obj_index index, Dwarf_Small **data, int *error)
{
	const struct dwarf *d = ((struct dwarf_object *)obj)->d;
	const uint8_t *p;
	(void)error;
	if (index == 0 || index > d->sections.len)
		return DW_DLV_NO_ENTRY;
	p = d->sections.data[index - 1].data;
	memcpy(data, &p, sizeof(p)); /* libdwarf's type has no const, but it only reads */
	return DW_DLV_OK;
}

static obj_endian object_order(void *obj)
{
	return ((struct dwarf_object *)obj)->d->exe->be ? DW_OBJECT_MSB : DW_OBJECT_LSB;
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
	return ((struct dwarf_object *)obj)->d->sections.len + 1;
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

/* True when the call worked; counts and frees its error otherwise. */
static bool good(struct dwarf *d, int res, Dwarf_Error err)
{
	if (res == DW_DLV_ERROR) {
		diag_add(d->diag, HC_SEV_WARNING, "%s: debug information: %s; some types, variables or locations are unknown",
		         d->exe->path, dwarf_errmsg(err));
		dwarf_dealloc(d->dbg, err, DW_DLA_ERROR);
	}
	return res == DW_DLV_OK;
}

static bool die_fill(struct dwarf *d, Dwarf_Die h, struct die *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Off off;
	Dwarf_Half tag;
	if (!good(d, dwarf_dieoffset(h, &off, &err), err) || !good(d, dwarf_tag(h, &tag, &err), err)) {
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
	return good(d, dwarf_offdie_b(d->dbg, off, true, &h, &err), err) && die_fill(d, h, ret);
}

bool die_child(struct dwarf *d, const struct die *parent, struct die *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Die h;
	return good(d, dwarf_child(parent->h, &h, &err), err) && die_fill(d, h, ret);
}

bool die_next(struct dwarf *d, struct die *die)
{
	Dwarf_Error err = NULL;
	Dwarf_Die h;
	bool more = good(d, dwarf_siblingof_b(d->dbg, die->h, true, &h, &err), err);
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
	if (!good(d, dwarf_whatform(at, &form, &err), err))
		return 0;
	if (form == DW_FORM_sdata || form == DW_FORM_implicit_const)
		return good(d, dwarf_formsdata(at, &s, &err), err) ? (uint64_t)s : 0;
	if (form == DW_FORM_addr || form == DW_FORM_addrx || (form >= DW_FORM_addrx1 && form <= DW_FORM_addrx4))
		return good(d, dwarf_formaddr(at, &u, &err), err) ? u : 0;
	if (form == DW_FORM_sec_offset)
		return good(d, dwarf_global_formref(at, &u, &err), err) ? u : 0;
	return good(d, dwarf_formudata(at, &u, &err), err) ? u : 0;
}

static uint64_t attr_ref(struct dwarf *d, Dwarf_Attribute at)
{
	Dwarf_Error err = NULL;
	Dwarf_Off off;
	return good(d, dwarf_global_formref(at, &off, &err), err) ? off : 0;
}

static bool attr_flag(struct dwarf *d, Dwarf_Attribute at)
{
	Dwarf_Error err = NULL;
	Dwarf_Bool b;
	return good(d, dwarf_formflag(at, &b, &err), err) && b;
}

static const char *attr_string(struct dwarf *d, Dwarf_Attribute at)
{
	Dwarf_Error err = NULL;
	char *s;
	return good(d, dwarf_formstring(at, &s, &err), err) ? s : "";
}

/* high_pc is an address in DWARF 2 and 3 and in Go's DWARF 4, else a length. */
static void attr_high(struct dwarf *d, const struct die *die, struct attrs *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Half form = 0;
	enum Dwarf_Form_Class class = DW_FORM_CLASS_UNKNOWN;
	Dwarf_Addr v;
	if (!(ret->have & HAVE_LOW) || !good(d, dwarf_highpc_b(die->h, &v, &form, &class, &err), err))
		return;
	ret->high = v;
	if (class == DW_FORM_CLASS_CONSTANT && !ckd_add(v, ret->low, &ret->high))
		return;
	ret->have |= HAVE_HIGH;
}

/* Most package variables have the expression "DW_OP_addr X", or since DWARF 5 perhaps "DW_OP_addrx i". */
static void attr_location(struct dwarf *d, const struct die *die, Dwarf_Attribute at, struct attrs *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Half form = 0;
	Dwarf_Unsigned len = 0;
	Dwarf_Ptr p = NULL;
	Dwarf_Block *block;
	uint64_t index;
	ret->have |= HAVE_LOCATION;
	if (!good(d, dwarf_whatform(at, &form, &err), err))
		return;
	if (form == DW_FORM_exprloc) {
		if (!good(d, dwarf_formexprloc(at, &len, &p, &err), err))
			return;
	} else if (form == DW_FORM_block1 || form == DW_FORM_block || form == DW_FORM_block2 || form == DW_FORM_block4) {
		if (!good(d, dwarf_formblock(at, &block, &err), err))
			return;
		len = block->bl_len;
		p = block->bl_data;
		dwarf_dealloc(d->dbg, block, DW_DLA_BLOCK);
	}
	struct bytes b = bytes_of(p, (size_t)len, d->exe->be);
	if (len == 1u + d->exe->word && b.data[0] == DW_OP_addr) {
		ret->addr = load_uint(b.data + 1, d->exe->word, b.be);
		ret->have |= HAVE_ADDR;
	} else if (len >= 2 && b.data[0] == DW_OP_addrx) {
		Dwarf_Addr addr;
		b.pos = 1;
		if (bytes_uvarint(&b, &index) && bytes_left(&b) == 0 &&
		    good(d, dwarf_debug_addr_index_to_addr(die->h, index, &addr, &err), err)) {
			ret->addr = addr;
			ret->have |= HAVE_ADDR;
		}
	}
}

static void attr_read(struct dwarf *d, const struct die *die, Dwarf_Half name, Dwarf_Attribute at, struct attrs *ret)
{
	switch (name) {
	case DW_AT_name: ret->name = attr_string(d, at); break;
	case DW_AT_type: ret->type = attr_ref(d, at); break;
	case DW_AT_abstract_origin: ret->origin = attr_ref(d, at); break;
	case DW_AT_go_elem_: ret->elem = attr_ref(d, at); break;
	case DW_AT_go_key_: ret->key = attr_ref(d, at); break;
	case DW_AT_byte_size: ret->size = attr_uint(d, at), ret->have |= HAVE_SIZE; break;
	case DW_AT_count: ret->count = attr_uint(d, at), ret->have |= HAVE_COUNT; break;
	case DW_AT_const_value: ret->value = (int64_t)attr_uint(d, at), ret->have |= HAVE_VALUE; break;
	case DW_AT_data_member_location: ret->member_off = attr_uint(d, at); break;
	case DW_AT_go_kind_: ret->kind = (uint8_t)attr_uint(d, at); break;
	case DW_AT_go_runtime_type_: ret->rtype = attr_uint(d, at); break;
	case DW_AT_go_embedded_field_: ret->embedded = attr_flag(d, at); break;
	case DW_AT_go_closure_offset_: ret->closure = (uint32_t)attr_uint(d, at), ret->have |= HAVE_CLOSURE; break;
	case DW_AT_variable_parameter: ret->result = attr_flag(d, at); break;
	case DW_AT_decl_line: ret->line = (uint32_t)attr_uint(d, at); break;
	case DW_AT_language: ret->lang = (uint16_t)attr_uint(d, at); break;
	case DW_AT_low_pc: ret->low = attr_uint(d, at), ret->have |= HAVE_LOW; break;
	case DW_AT_high_pc: ret->have |= HAVE_HIGH; break;
	case DW_AT_ranges: ret->have |= HAVE_RANGES; break;
	case DW_AT_location: attr_location(d, die, at, ret); break;
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
	if (!good(d, dwarf_attrlist(die->h, &list, &n, &err), err))
		return;
	for (Dwarf_Signed i = 0; i < n; i++) {
		Dwarf_Half name;
		if (good(d, dwarf_whatattr(list[i], &name, &err), err))
			attr_read(d, die, name, list[i], ret);
		dwarf_dealloc(d->dbg, list[i], DW_DLA_ATTR);
	}
	dwarf_dealloc(d->dbg, list, DW_DLA_LIST);
	if (ret->have & HAVE_HIGH) {
		ret->have &= ~(unsigned)HAVE_HIGH;
		attr_high(d, die, ret);
	}
}

/* ---- range lists and location lists ---- */

/* The raw value of an attribute and its form, with the attribute still to be freed. */
static bool attr_open(struct dwarf *d, const struct die *die, Dwarf_Half name, Dwarf_Attribute *at)
{
	Dwarf_Error err = NULL;
	return good(d, dwarf_attr(die->h, name, at, &err), err);
}

static bool ranges_push(dwarf_ranges *ret, uint64_t lo, uint64_t hi, uint64_t owner)
{
	struct dwarf_range r = {lo, hi, owner};
	return lo >= hi || vec_push(ret, r);
}

/* DWARF 4: pairs of offsets from a base address. */
static bool ranges_v4(struct dwarf *d, const struct die *die, uint64_t off, uint64_t base, uint64_t owner,
                      dwarf_ranges *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Ranges *list;
	Dwarf_Signed n;
	Dwarf_Off real;
	Dwarf_Unsigned bytes;
	bool ok = true;
	if (!good(d, dwarf_get_ranges_b(d->dbg, off, die->h, &real, &list, &n, &bytes, &err), err))
		return true;
	for (Dwarf_Signed i = 0; i < n && ok; i++) {
		if (list[i].dwr_type == DW_RANGES_ADDRESS_SELECTION)
			base = list[i].dwr_addr2;
		else if (list[i].dwr_type == DW_RANGES_ENTRY)
			ok = ranges_push(ret, base + list[i].dwr_addr1, base + list[i].dwr_addr2, owner);
	}
	dwarf_ranges_dealloc(d->dbg, list, n);
	return ok;
}

static bool ranges_v5(struct dwarf *d, Dwarf_Attribute at, Dwarf_Half form, uint64_t value, uint64_t owner,
                      dwarf_ranges *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Rnglists_Head head;
	Dwarf_Unsigned n, global;
	bool ok = true;
	if (!good(d, dwarf_rnglists_get_rle_head(at, form, value, &head, &n, &global, &err), err))
		return true;
	for (Dwarf_Unsigned i = 0; i < n && ok; i++) {
		unsigned len, kind;
		Dwarf_Unsigned raw1, raw2, lo, hi;
		Dwarf_Bool unavailable;
		if (!good(d, dwarf_get_rnglists_entry_fields_a(head, i, &len, &kind, &raw1, &raw2, &unavailable, &lo, &hi, &err),
		          err))
			break;
		bool range = kind == DW_RLE_startx_endx || kind == DW_RLE_startx_length || kind == DW_RLE_offset_pair ||
		             kind == DW_RLE_start_end || kind == DW_RLE_start_length;
		if (range && !unavailable)
			ok = ranges_push(ret, lo, hi, owner);
	}
	dwarf_dealloc_rnglists_head(head);
	return ok;
}

bool die_ranges(struct dwarf *d, const struct die *die, const struct attrs *a, uint64_t base, uint64_t owner,
                dwarf_ranges *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Attribute at;
	Dwarf_Half version, offset_size, form = 0;
	bool ok = true;
	if ((a->have & (HAVE_LOW | HAVE_HIGH)) == (HAVE_LOW | HAVE_HIGH))
		return ranges_push(ret, a->low, a->high, owner);
	if (!(a->have & HAVE_RANGES) || !attr_open(d, die, DW_AT_ranges, &at))
		return true;
	if (dwarf_get_version_of_die(die->h, &version, &offset_size) == DW_DLV_OK &&
	    good(d, dwarf_whatform(at, &form, &err), err)) {
		uint64_t value = attr_uint(d, at);
		ok = version >= 5 ? ranges_v5(d, at, form, value, owner, ret) : ranges_v4(d, die, value, base, owner, ret);
	}
	dwarf_dealloc(d->dbg, at, DW_DLA_ATTR);
	return ok;
}

/* Appends one expression with the addresses for which it holds. */
static bool loc_add(struct dwarf *d, Dwarf_Locdesc_c desc, Dwarf_Unsigned nops, uint64_t lo, uint64_t hi,
                    struct dwarf_locs *ret)
{
	Dwarf_Error err = NULL;
	struct loc_state st = {.cur = {.kind = PIECE_NONE}, .bias = d->bias};
	for (Dwarf_Unsigned i = 0; i < nops; i++) {
		Dwarf_Small op = 0;
		Dwarf_Unsigned a1, a2, a3, branch;
		if (!good(d, dwarf_get_location_op_value_c(desc, i, &op, &a1, &a2, &a3, &branch, &err), err))
			return true;
		loc_op(&st, op, a1);
	}
	loc_end(&st);
	if (st.npieces == 0 || lo >= hi || ret->pieces.len > UINT32_MAX - MAX_PIECES)
		return true;
	struct dwarf_loc loc = {lo, hi, (uint32_t)ret->pieces.len, st.npieces};
	for (unsigned i = 0; i < st.npieces; i++) {
		if (!vec_push(&ret->pieces, st.pieces[i]))
			return false;
	}
	return vec_push(&ret->locs, loc);
}

bool die_location(struct dwarf *d, const struct die *die, struct dwarf_locs *ret)
{
	Dwarf_Error err = NULL;
	Dwarf_Attribute at;
	Dwarf_Loc_Head_c head;
	Dwarf_Unsigned n;
	bool ok = true;
	if (!attr_open(d, die, DW_AT_location, &at))
		return true;
	if (good(d, dwarf_get_loclist_c(at, &head, &n, &err), err)) {
		for (Dwarf_Unsigned i = 0; i < n && ok; i++) {
			Dwarf_Small lle, source;
			Dwarf_Unsigned raw1, raw2, nops, expr, off;
			Dwarf_Addr lo, hi;
			Dwarf_Bool unavailable;
			Dwarf_Locdesc_c desc;
			if (!good(d, dwarf_get_locdesc_entry_d(head, i, &lle, &raw1, &raw2, &unavailable, &lo, &hi, &nops, &desc,
			                                       &source, &expr, &off, &err), err))
				break;
			bool list = source != 0; /* else a plain expression, for the whole function */
			ok = loc_add(d, desc, nops, list ? lo : 0, list ? hi : UINT64_MAX, ret);
		}
		dwarf_loc_head_c_dealloc(head);
	}
	dwarf_dealloc(d->dbg, at, DW_DLA_ATTR);
	return ok;
}

/* ---- units ---- */

bool die_unit_next(struct dwarf *d, struct die *ret)
{
	for (;;) {
		Dwarf_Error err = NULL;
		Dwarf_Unsigned header, abbrev, type, next;
		Dwarf_Half version, addr, length, extension, kind;
		Dwarf_Sig8 sig;
		Dwarf_Die h;
		if (!good(d, dwarf_next_cu_header_d(d->dbg, true, &header, &version, &abbrev, &addr, &length, &extension, &sig,
		                                    &type, &next, &kind, &err), err))
			return false;
		if (good(d, dwarf_siblingof_b(d->dbg, NULL, true, &h, &err), err) && die_fill(d, h, ret))
			return true;
	}
}

struct hc_error *dwarf_lib_open(struct dwarf *d)
{
	Dwarf_Error err = NULL;
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
