/* SPDX-License-Identifier: MIT */
/*
 * The core of a whole Go process made by hand, stripped and without its executable, so that everything is found by its
 * structure: moduledata, function tables, types, mheap, spans of each kind, specials, a queue of finalizers, goroutines on
 * their stacks, package variables. It has 28 objects. Aborts when memory runs out.
 */
#ifndef SUPPORT_PROCESSBUILD_H
#define SUPPORT_PROCESSBUILD_H

#include <stddef.h>
#include <stdint.h>

enum { PB_RELEASES = 8, PB_1_26 = 6 };
/* The file ends in the memory of mheap_ and of a heapArena, mostly zeros, and that of the heap. */
enum { PB_ZEROS = 0x2c000, PB_HEAP = 9 * 8192 };

/* The core of a program of one of the releases (Go 1.17 to 1.27); the caller frees it. */
uint8_t *pb_build(unsigned release, size_t *size);

#endif
