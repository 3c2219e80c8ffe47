/* SPDX-License-Identifier: MIT */
/*
 * Channels (runtime/chan.go). The buffer of elements without pointers lies in the channel's own object, behind the
 * header; else it is an object of its own. Waiting goroutines hang on the queues as sudogs, whose elem points to the
 * value that they send or the place that receives.
 */
#include <stdio.h>
#include <string.h>

#include "graph/typing_priv.h"

/* T of "hchan<T>". */
static uint32_t chan_elem(const struct typing *ty, const char *name)
{
	char text[1024];
	size_t len = strlen(name);
	if (len < 8 || len - 7 >= sizeof(text) || name[len - 1] != '>')
		return TYPE_NONE;
	memcpy(text, name + 6, len - 7);
	text[len - 7] = 0;
	return types_by_name(ty->t, text);
}

static int32_t field_off(const struct types *t, uint32_t type, const char *name)
{
	const struct field *f = type_field(t, type, name);
	return f && f->offset < INT32_MAX ? (int32_t)f->offset : -1;
}

bool chan_compile(struct typing *ty, uint32_t type, struct storage *s)
{
	s->ptr = field_off(ty->t, type, "buf");
	s->n = field_off(ty->t, type, "dataqsiz");
	s->n_size = (uint8_t)ty->word;
	s->extra = field_off(ty->t, type, "recvq");
	s->extra2 = field_off(ty->t, type, "sendq");
	s->elem = chan_elem(ty, ty->t->t[type].name);
	return s->ptr >= 0 && s->n >= 0 && s->elem != TYPE_NONE;
}

/* "hchan<T>" by the runtime's layout, where there is no debug information. */
static uint32_t chan_make(struct typing *ty, uint32_t elem)
{
	struct types *ts = ty->t;
	const struct layout *l = &ts->layout;
	uint32_t number = types_by_name(ts, "uintptr"), any = types_by_name(ts, "unsafe.Pointer");
	struct field *f = arena_alloc(&ts->arena, 9 * sizeof(*f));
	if (!f || elem >= ts->n || number == TYPE_NONE || any == TYPE_NONE || !layout_has(l, L_HCHAN_SENDQ))
		return TYPE_NONE;
	const struct { const char *name; enum layout_field at; uint32_t words, type; } list[] = {
		{"dataqsiz", L_HCHAN_DATAQSIZ, 0, number}, {"buf", L_HCHAN_BUF, 0, any},
		{"timer", L_HCHAN_TIMER, 0, any},
		{"elemtype", L_HCHAN_ELEMTYPE, 0, any}, {"recvq", L_HCHAN_RECVQ, 0, any},
		{"recvq.last", L_HCHAN_RECVQ, 1, any}, {"sendq", L_HCHAN_SENDQ, 0, any},
		{"sendq.last", L_HCHAN_SENDQ, 1, any}, {"bubble", L_HCHAN_SENDQ, 2, any},
	};
	uint32_t n = 0;
	bool bubble = l->minor >= 25; /* in front of the lock, a word and the last field */
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (layout_has(l, list[i].at) && (list[i].words < 2 || bubble))
			f[n++] = (struct field){list[i].name, list[i].type,
			                        (uint64_t)l->f[list[i].at].off + list[i].words * ty->word, false};
	struct type t = {.pkg = "", .size = f[n - 1].offset + 2u * ty->word, .elem = TYPE_NONE, .key = TYPE_NONE,
	                 .storage = TYPE_NONE, .fields = f, .nfields = n, .kind = KIND_STRUCT,
	                 .flags = TYPE_F_SYNTHETIC};
	t.name = arena_printf(&ts->arena, "hchan<%s>", ts->t[elem].name);
	uint32_t id = t.name ? types_by_name(ts, t.name) : TYPE_NONE; /* of another channel type with these elements */
	if (id != TYPE_NONE && ts->t[id].size == t.size)
		return id;
	id = t.name ? types_add(ts, &t) : TYPE_NONE;
	struct hc_error *err = id == TYPE_NONE ? NULL : types_finish(ts);
	ty->nomem |= err != NULL;
	hc_error_free(err);
	return err ? TYPE_NONE : id;
}

static uint32_t chan_storage(struct typing *ty, uint32_t chantype)
{
	uint32_t id = ty->t->t[chantype].storage;
	if (id != TYPE_NONE)
		return id;
	id = chan_make(ty, ty->t->t[chantype].elem);
	ty->t->t[chantype].storage = id;
	return id;
}

/* Bytes of a channel and of the buffer that follows it. */
uint64_t chan_bytes(struct typing *ty, uint64_t addr, uint32_t id)
{
	const struct prog *p = prog_of(ty, id);
	uint64_t bytes = p->size, buf, n, more;
	if (p->special == SP_CHAN) {
		struct storage s = ty->storage.data[p->aux];
		if (!ty->t->t[s.elem].ptr_words && proc_word(ty->h->proc, addr + (uint64_t)s.ptr, &buf) &&
		    buf == addr + p->size && proc_word(ty->h->proc, addr + (uint64_t)s.n, &n) &&
		    !__builtin_mul_overflow(n, ty->t->t[s.elem].size, &more) && more <= UINT64_MAX - bytes)
			bytes += more;
	}
	return bytes;
}

void chan_claim(struct typing *ty, uint64_t addr, uint32_t chantype, unsigned flags)
{
	uint32_t id = chantype < ty->t->n ? chan_storage(ty, chantype) : TYPE_NONE;
	if (id != TYPE_NONE)
		claim(ty, addr, id, chan_bytes(ty, addr, id), flags);
}

/* A channel that only the runtime's own pointers lead to: it knows its element type itself. */
uint32_t chan_by_content(struct typing *ty, uint64_t addr)
{
	const struct layout *l = &ty->t->layout;
	uint64_t rtype;
	char name[1024];
	if (!layout_has(l, L_HCHAN_ELEMTYPE) || !proc_word(ty->h->proc, layout_addr(l, addr, L_HCHAN_ELEMTYPE), &rtype))
		return TYPE_NONE;
	uint32_t elem = iface_type(ty, rtype, true);
	if (elem == TYPE_NONE || snprintf(name, sizeof(name), "hchan<%s>", ty->t->t[elem].name) >= (int)sizeof(name))
		return TYPE_NONE;
	uint32_t id = types_by_name(ty->t, name);
	return id != TYPE_NONE ? id : chan_make(ty, elem);
}

/* The goroutines that wait: each sudog, and what it sends or receives. */
static void waiters_scan(struct typing *ty, uint64_t queue, uint32_t elem, unsigned flags)
{
	const struct layout *l = &ty->t->layout;
	const struct proc *p = ty->h->proc;
	uint64_t at, value;
	if (!layout_has(l, L_SUDOG_ELEM) || !layout_has(l, L_SUDOG_NEXT) || !proc_word(p, queue, &at))
		return;
	for (; at && ty->waiter_budget; ty->waiter_budget--) {
		if (ty->sudog != TYPE_NONE)
			claim(ty, at, ty->sudog, ty->t->t[ty->sudog].size, flags);
		if (proc_word(p, layout_addr(l, at, L_SUDOG_ELEM), &value) && value)
			claim(ty, value, elem, ty->t->t[elem].size, flags);
		if (!proc_word(p, layout_addr(l, at, L_SUDOG_NEXT), &at))
			return;
	}
}

void chan_scan(struct typing *ty, const struct prog *p, uint64_t addr, unsigned flags)
{
	struct storage s = ty->storage.data[p->aux];
	const struct proc *proc = ty->h->proc;
	uint64_t buf, n, bytes;
	flags &= CLAIM_INFER;
	if (proc_word(proc, addr + (uint64_t)s.ptr, &buf) && proc_word(proc, addr + (uint64_t)s.n, &n) && buf && n &&
	    ty->t->t[s.elem].ptr_words && !__builtin_mul_overflow(n, ty->t->t[s.elem].size, &bytes))
		claim(ty, buf, s.elem, bytes, flags | CLAIM_ARRAY);
	if (s.extra >= 0)
		waiters_scan(ty, addr + (uint64_t)s.extra, s.elem, flags);
	if (s.extra2 >= 0)
		waiters_scan(ty, addr + (uint64_t)s.extra2, s.elem, flags);
}
