/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hc_error {
	enum hc_code code;
	char message[];
};

/* Storage of the same shape as struct hc_error, which cannot be statically initialised with a flexible member. */
static const struct {
	enum hc_code code;
	char message[32];
} nomem = {HC_E_NOMEM, "out of memory"};

struct hc_error *err_nomem(void)
{
	union {
		const void *in;
		void *out;
	} cast = {.in = &nomem};
	return cast.out;
}

void err_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static struct hc_error *err_vnew(enum hc_code code, const char *prefix_of, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		n = 0;
	size_t tail = prefix_of ? strlen(prefix_of) + 2 : 0;
	struct hc_error *e = malloc(sizeof(*e) + (size_t)n + tail + 1);
	if (!e)
		return err_nomem();
	e->code = code;
	vsnprintf(e->message, (size_t)n + 1, fmt, ap);
	if (prefix_of)
		snprintf(e->message + n, tail + 1, ": %s", prefix_of);
	err_one_line(e->message);
	return e;
}

struct hc_error *err_new(enum hc_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct hc_error *e = err_vnew(code, NULL, fmt, ap);
	va_end(ap);
	return e;
}

struct hc_error *err_wrap(struct hc_error *err, const char *fmt, ...)
{
	if (!err || err == err_nomem())
		return err;
	va_list ap;
	va_start(ap, fmt);
	struct hc_error *e = err_vnew(err->code, err->message, fmt, ap);
	va_end(ap);
	hc_error_free(err);
	return e;
}

enum hc_code hc_error_code(const struct hc_error *err)
{
	return err->code;
}

const char *hc_error_message(const struct hc_error *err)
{
	return err->message;
}

void hc_error_free(struct hc_error *err)
{
	if (err && err != err_nomem())
		free(err);
}
