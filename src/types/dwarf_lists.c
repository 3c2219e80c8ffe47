/* SPDX-License-Identifier: MIT */
/*
 * Address ranges and locations: the lists in .debug_ranges and .debug_loc (DWARF 4), .debug_rnglists and .debug_loclists
 * (DWARF 5), and location expressions. libdwarf's readers of these trust their input.
 */
#include "base/bytes.h"
#include "types/dwarf_priv.h"

/* ---- the four kinds of list ---- */

enum entry_kind { /* DW_RLE_*; DW_LLE_* are the same up to OFFSET_PAIR, then one is put in */
	RLE_END, RLE_BASE_X, RLE_STARTX_ENDX, RLE_STARTX_LENGTH, RLE_OFFSET_PAIR, RLE_BASE, RLE_START_END, RLE_START_LENGTH,
	LLE_DEFAULT = 5,
};

struct list {
	struct dwarf *d;
	const struct die *die;
	struct bytes b;
	uint64_t base;
	uint8_t word;
	bool v5, locations;
	bool bad;
};

struct entry {
	uint64_t lo, hi;
	const uint8_t *expr;
	size_t expr_len;
};

static uint64_t take_uleb(struct list *l)
{
	uint64_t v = 0;
	l->bad = l->bad || !bytes_uvarint(&l->b, &v);
	return v;
}

static uint64_t take_uint(struct list *l, unsigned size)
{
	uint64_t v = 0;
	l->bad = l->bad || !bytes_uint(&l->b, size, &v);
	return v;
}

static uint64_t take_addr_index(struct list *l)
{
	uint64_t v = 0, index = take_uleb(l);
	l->bad = l->bad || !die_addr(l->d, l->die, index, &v);
	return v;
}

static void take_expr(struct list *l, uint64_t len, struct entry *ret)
{
	ret->expr_len = (size_t)len;
	l->bad = l->bad || len > bytes_left(&l->b) || !bytes_take(&l->b, (size_t)len, &ret->expr);
}

/* Pairs of offsets from a base; (0, 0) ends the list, (all ones, X) makes X the base. */
static bool next_v4(struct list *l, struct entry *ret)
{
	uint64_t ones = l->word == 8 ? UINT64_MAX : UINT32_MAX;
	for (;;) {
		uint64_t lo = take_uint(l, l->word), hi = take_uint(l, l->word);
		if (l->bad || (lo == 0 && hi == 0))
			return false;
		if (lo == ones) {
			l->base = hi;
			continue;
		}
		*ret = (struct entry){.lo = l->base + lo, .hi = l->base + hi};
		if (l->locations)
			take_expr(l, take_uint(l, 2), ret);
		return !l->bad;
	}
}

static bool next_v5(struct list *l, struct entry *ret)
{
	for (;;) {
		uint64_t kind = take_uint(l, 1);
		bool everywhere = l->locations && kind == LLE_DEFAULT;
		if (l->locations && kind > LLE_DEFAULT)
			kind--;
		*ret = (struct entry){.lo = 0, .hi = UINT64_MAX};
		if (l->bad || kind == RLE_END || kind > RLE_START_LENGTH)
			return false;
		if (!everywhere && (kind == RLE_BASE || kind == RLE_BASE_X)) {
			l->base = kind == RLE_BASE ? take_uint(l, l->word) : take_addr_index(l);
			continue;
		}
		if (!everywhere) {
			bool x = kind == RLE_STARTX_ENDX || kind == RLE_STARTX_LENGTH;
			bool pair = kind == RLE_OFFSET_PAIR;
			bool length = kind == RLE_STARTX_LENGTH || kind == RLE_START_LENGTH;
			ret->lo = x ? take_addr_index(l) : pair ? l->base + take_uleb(l) : take_uint(l, l->word);
			ret->hi = pair ? l->base + take_uleb(l) : length ? ret->lo + take_uleb(l) :
			          x ? take_addr_index(l) : take_uint(l, l->word);
		}
		if (l->locations)
			take_expr(l, take_uleb(l), ret);
		return !l->bad;
	}
}

static bool list_next(struct list *l, struct entry *ret)
{
	size_t before = l->b.pos;
	bool more = l->v5 ? next_v5(l, ret) : next_v4(l, ret);
	return dwarf_work(l->d, l->b.pos - before) && more;
}

/* A list at the offset; an empty one when there is no such place. */
static struct hc_error *list_open(struct dwarf *d, const struct die *die, const struct dwarf_cu *cu, bool locations,
                                  uint64_t off, struct list *ret)
{
	const struct dwarf_section *s;
	bool v5 = cu->version >= 5;
	enum dwarf_section_id id = locations ? (v5 ? SEC_LOCLISTS : SEC_LOC) : v5 ? SEC_RNGLISTS : SEC_RANGES;
	struct hc_error *err = dwarf_section(d, id, &s);
	if (err)
		return err;
	*ret = (struct list){.d = d, .die = die, .b = bytes_of(s->data, (size_t)s->size, d->exe->be), .base = cu->low,
	                     .word = d->exe->word, .v5 = v5, .locations = locations};
	ret->bad = !bytes_skip(&ret->b, off);
	return NULL;
}

/* Findings about a list are told once for all. */
static void list_close(const struct list *l, uint64_t off)
{
	if (l->bad)
		diag_add(l->d->diag, HC_SEV_WARNING, "%s: debug information: the %s list at %#llx is damaged; some variables have "
		         "no place or no scope", l->d->exe->path, l->locations ? "location" : "range", (unsigned long long)off);
}

/* ---- address ranges ---- */

static struct hc_error *range_push(dwarf_ranges *ret, uint64_t lo, uint64_t hi, uint64_t owner)
{
	struct dwarf_range r = {lo, hi, owner};
	return lo >= hi || vec_push(ret, r) ? NULL : err_nomem();
}

struct hc_error *die_ranges(struct dwarf *d, const struct die *die, const struct attrs *a, const struct dwarf_cu *cu,
                            uint64_t owner, dwarf_ranges *ret)
{
	struct list l;
	struct entry e;
	if ((a->have & (HAVE_LOW | HAVE_HIGH)) == (HAVE_LOW | HAVE_HIGH))
		return range_push(ret, a->low, a->high, owner);
	if (!(a->have & HAVE_RANGES))
		return NULL;
	struct hc_error *err = list_open(d, die, cu, false, a->ranges, &l);
	while (!err && list_next(&l, &e))
		err = range_push(ret, e.lo, e.hi, owner);
	if (!err)
		list_close(&l, a->ranges);
	return err;
}

/* ---- location expressions ---- */

enum { /* DW_OP_*, as far as Go's compiler uses them */
	OP_ADDR = 0x03, OP_CONSTS = 0x11, OP_PLUS = 0x22, OP_PLUS_UCONST = 0x23, OP_REG0 = 0x50, OP_REG31 = 0x6f,
	OP_REGX = 0x90, OP_FBREG = 0x91, OP_PIECE = 0x93, OP_CALL_FRAME_CFA = 0x9c, OP_ADDRX = 0xa1,
};

struct expr {
	struct list in; /* the bytes of the expression */
	struct piece pieces[MAX_PIECES];
	unsigned npieces;
	struct piece cur;
	int64_t constant; /* to be added */
};

static int64_t take_sleb(struct list *l)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint64_t c = take_uint(l, 1);
		v |= (c & 0x7f) << shift;
		if (!(c & 0x80)) {
			if ((c & 0x40) && shift + 7 < 64)
				v |= UINT64_MAX << (shift + 7);
			return (int64_t)v;
		}
	}
	l->bad = true;
	return 0;
}

static void place(struct expr *x, enum piece_kind kind, int64_t value)
{
	x->cur.kind = kind;
	x->cur.value = value;
}

static void move(struct expr *x, uint64_t by)
{
	x->cur.value = (int64_t)((uint64_t)x->cur.value + by);
}

static void piece_end(struct expr *x, uint64_t size)
{
	if (size > UINT32_MAX - x->cur.off || x->npieces == MAX_PIECES) {
		x->in.bad = true;
		return;
	}
	x->cur.size = (uint32_t)size;
	x->pieces[x->npieces++] = x->cur;
	x->cur = (struct piece){.kind = PIECE_NONE, .off = x->cur.off + (uint32_t)size};
}

/* The frame base of Go's functions is the CFA, so DW_OP_fbreg and DW_OP_call_frame_cfa start from the same place. */
static void expr_step(struct expr *x, uint64_t op)
{
	struct list *in = &x->in;
	uint64_t bias = in->d->bias;
	if (op >= OP_REG0 && op <= OP_REG31) {
		place(x, PIECE_REG, (int64_t)(op - OP_REG0));
		return;
	}
	switch (op) {
	case OP_ADDR: place(x, PIECE_ADDR, (int64_t)(take_uint(in, in->word) + bias)); break;
	case OP_ADDRX: place(x, PIECE_ADDR, (int64_t)(take_addr_index(in) + bias)); break;
	case OP_REGX: place(x, PIECE_REG, (int64_t)take_uleb(in)); break;
	case OP_FBREG: place(x, PIECE_STACK, take_sleb(in)); break;
	case OP_CALL_FRAME_CFA: place(x, PIECE_STACK, 0); break;
	case OP_CONSTS: x->constant = take_sleb(in); break;
	case OP_PLUS: move(x, (uint64_t)x->constant); break;
	case OP_PLUS_UCONST: move(x, take_uleb(in)); break;
	case OP_PIECE: piece_end(x, take_uleb(in)); break;
	default: in->bad = true; break; /* a computed value, which has no place */
	}
}

/* False when the expression gives no place. */
static bool expr_read(struct dwarf *d, const struct die *die, const uint8_t *p, size_t len, struct expr *x)
{
	*x = (struct expr){.in = {.d = d, .die = die, .b = bytes_of(p, len, d->exe->be), .word = d->exe->word},
	                   .cur = {.kind = PIECE_NONE}};
	while (bytes_left(&x->in.b) && !x->in.bad)
		expr_step(x, take_uint(&x->in, 1));
	if (x->npieces == 0 && x->cur.kind != PIECE_NONE)
		x->pieces[x->npieces++] = x->cur;
	return !x->in.bad && x->npieces;
}

bool die_static_addr(struct dwarf *d, const struct die *die, const struct attrs *a, uint64_t *ret)
{
	struct expr x;
	if (!a->expr || !expr_read(d, die, a->expr, a->expr_len, &x) || x.npieces != 1 || x.pieces[0].kind != PIECE_ADDR ||
	    x.pieces[0].size != 0)
		return false;
	*ret = (uint64_t)x.pieces[0].value - d->bias;
	return true;
}

/* ---- locations ---- */

static struct hc_error *loc_add(struct dwarf *d, const struct die *die, const struct entry *e, struct dwarf_locs *ret)
{
	struct expr x;
	if (e->lo >= e->hi || !expr_read(d, die, e->expr, e->expr_len, &x) || ret->pieces.len > UINT32_MAX - MAX_PIECES ||
	    ret->locs.len == UINT32_MAX)
		return NULL;
	struct dwarf_loc loc = {e->lo, e->hi, (uint32_t)ret->pieces.len, x.npieces};
	for (unsigned i = 0; i < x.npieces; i++) {
		if (!vec_push(&ret->pieces, x.pieces[i]))
			return err_nomem();
	}
	return vec_push(&ret->locs, loc) ? NULL : err_nomem();
}

struct hc_error *die_locations(struct dwarf *d, const struct die *die, const struct attrs *a, const struct dwarf_cu *cu,
                               struct dwarf_locs *ret)
{
	struct list l;
	struct entry e = {.lo = 0, .hi = UINT64_MAX, .expr = a->expr, .expr_len = a->expr_len};
	if (a->expr)
		return loc_add(d, die, &e, ret);
	if (!(a->have & HAVE_LIST))
		return NULL;
	struct hc_error *err = list_open(d, die, cu, true, a->list, &l);
	while (!err && list_next(&l, &e))
		err = loc_add(d, die, &e, ret);
	if (!err)
		list_close(&l, a->list);
	return err;
}
