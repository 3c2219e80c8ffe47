/* SPDX-License-Identifier: MIT */
#include "heapconv/heapconv.h"

const char *hc_version(void)
{
	return HEAPCONV_VERSION;
}
