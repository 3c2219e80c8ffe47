# heapconv: build, test, install. `make help` lists what can be asked for.
#
#   V=1                     show the commands
#   SAN=address,undefined   build and test with sanitizers, in a folder of their own
#   WERROR=1                warnings are errors (as in CI)
#   CC=clang                another compiler, in a folder of its own

CC       ?= gcc
ifeq ($(origin CC),default)
CC       := gcc
endif
AR       ?= ar
V        ?= 0
SAN      ?=
MINUTES  ?= 10
WERROR   ?= 0
PREFIX   ?= /usr/local
BUILD    ?= build/$(if $(SAN),$(subst $(comma),-,$(SAN)),release)$(if $(filter gcc cc,$(CC)),,-$(notdir $(CC)))
comma    := ,
VERSION  := $(shell sed -n 's/^.define HEAPCONV_VERSION "\(.*\)"/\1/p' include/heapconv/heapconv.h)
Q        := $(if $(filter 1,$(V)),,@)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.DEFAULT_GOAL := all

# ---- flags ----

PKGCONFIG ?= pkg-config
pkg_cflags = $(shell $(PKGCONFIG) --cflags $(1) 2>/dev/null)
# libdwarf of Debian 12 has no .pc file; its headers are in a folder of their own there.
DEP_CFLAGS := $(call pkg_cflags,libprotobuf-c libelf zlib) \
	$(if $(shell $(PKGCONFIG) --exists libdwarf 2>/dev/null && echo y),$(call pkg_cflags,libdwarf),-I/usr/include/libdwarf)
DEP_LIBS   := -lprotobuf-c -ldwarf -lelf -lz -lpthread -lm

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wvla -Wcast-qual -Wswitch-enum \
	-Wmissing-prototypes -Wstrict-prototypes -Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings
ifeq ($(findstring clang,$(CC)),)
WARN += -Wlogical-op -Wduplicated-cond -Wstack-usage=65536
endif
ifeq ($(WERROR),1)
WARN += -Werror
endif
OPT      ?= -O2 -g
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS := -std=c11 $(OPT) $(WARN) $(SANFLAGS) -fvisibility=hidden -D_FILE_OFFSET_BITS=64 \
	-I. -Iinclude -Isrc -I$(BUILD)/gen $(DEP_CFLAGS) $(CFLAGS)
ALL_LDFLAGS := $(SANFLAGS) $(LDFLAGS)

# ---- sources ----

LIB_SRC  := $(sort $(wildcard src/*/*.c))
CMD_SRC  := $(sort $(wildcard cmd/heapconv/*.c))
TEST_SRC := $(sort $(wildcard tests/unit/test_*.c))
SUP_SRC  := $(sort $(wildcard tests/support/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/gen/profile.pb-c.o
CMD_OBJ  := $(CMD_SRC:%.c=$(BUILD)/%.o)
SUP_OBJ  := $(SUP_SRC:%.c=$(BUILD)/%.o)
TESTS    := $(TEST_SRC:tests/unit/%.c=$(BUILD)/tests/%)
GEN      := $(BUILD)/gen/profile.pb-c.h $(BUILD)/gen/golayout.inc

.PHONY: all
all: $(BUILD)/heapconv $(BUILD)/libheapconv.a $(BUILD)/leakcheck

$(BUILD)/%.o: %.c | $(GEN)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC   $<")
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# ---- generated sources ----

$(BUILD)/gen/profile.pb-c.c $(BUILD)/gen/profile.pb-c.h &: proto/profile.proto
	@mkdir -p $(@D)
	$(if $(Q),@echo "  GEN  $(BUILD)/gen/profile.pb-c.c")
	$(Q)protoc-c --proto_path=proto --c_out=$(BUILD)/gen profile.proto

$(BUILD)/gen/profile.pb-c.o: $(BUILD)/gen/profile.pb-c.c
	$(if $(Q),@echo "  CC   $<")
	$(Q)$(CC) $(filter-out $(WARN),$(ALL_CFLAGS)) -c $< -o $@

$(BUILD)/gen/golayout.inc: src/types/golayout.tsv src/types/golayout.awk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  GEN  $@")
	$(Q)awk -f src/types/golayout.awk src/types/golayout.tsv > $@

# ---- programs and library ----

$(BUILD)/libheapconv.a: $(LIB_OBJ)
	$(if $(Q),@echo "  AR   $@")
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/heapconv: $(CMD_OBJ) $(BUILD)/libheapconv.a
	$(if $(Q),@echo "  LD   $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(DEP_LIBS)

$(BUILD)/leakcheck: $(BUILD)/cmd/leakcheck/main.o $(BUILD)/libheapconv.a
	$(if $(Q),@echo "  LD   $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(DEP_LIBS)

# ---- tests ----

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(SUP_OBJ) $(BUILD)/libheapconv.a
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD   $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(DEP_LIBS)

# test_nomem fails allocations: of the library and what it is linked with statically, not of shared libraries.
$(BUILD)/tests/test_nomem: ALL_LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=strdup,--wrap=mmap64,--wrap=munmap

.PHONY: unit
unit: $(TESTS)

# ---- fuzzing ----

# tests/fuzz/fuzz_*.c are one function over bytes each: `make fuzz` links them with clang's libFuzzer, `make unit` with
# replay.c, which runs the corpus. fuzz_memory has its own main.
FUZZ_MEMORY  := tests/fuzz/fuzz_memory
FUZZ_TARGETS := $(filter-out $(FUZZ_MEMORY),$(basename $(sort $(wildcard tests/fuzz/fuzz_*.c))))
REPLAYS      := $(FUZZ_TARGETS:tests/fuzz/fuzz_%=$(BUILD)/fuzz/replay_%) $(BUILD)/fuzz/fuzz_memory
FUZZERS      := $(FUZZ_TARGETS:tests/fuzz/%=$(BUILD)/fuzz/%) $(BUILD)/fuzz/fuzz_memory

unit: $(REPLAYS)

$(BUILD)/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(SUP_OBJ) $(BUILD)/libheapconv.a
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD   $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(DEP_LIBS)

$(BUILD)/fuzz/fuzz_memory: $(BUILD)/tests/fuzz/fuzz_memory.o $(BUILD)/libheapconv.a
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD   $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(DEP_LIBS)

$(BUILD)/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(SUP_OBJ) $(BUILD)/libheapconv.a
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD   $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(DEP_LIBS)

.PHONY: fuzz fuzzers fuzz-afl fuzz-run fuzz-coverage
fuzz:
	$(Q)$(MAKE) --no-print-directory CC=clang SAN=address,undefined OPT="-O1 -g" \
	  CFLAGS="$(CFLAGS) -fsanitize=fuzzer-no-link" BUILD=build/fuzz fuzzers
fuzz-afl:
	$(Q)AFL_QUIET=1 $(MAKE) --no-print-directory CC=afl-clang-fast SAN=address,undefined OPT="-O1 -g" BUILD=build/afl fuzzers
fuzzers: $(FUZZERS)
fuzz-run: fuzz
	$(Q)sh tests/fuzz/run.sh -m $(MINUTES)
fuzz-coverage:
	$(Q)$(MAKE) --no-print-directory CC=clang OPT="-O1 -g" BUILD=build/cover LDFLAGS="-fprofile-instr-generate" \
	  CFLAGS="-fprofile-instr-generate -fcoverage-mapping" unit
	$(Q)BIN=build/cover/fuzz sh tests/fuzz/coverage.sh

.PHONY: check check-only
check: all unit
check check-only:
	$(Q)BUILD=$(BUILD) CC="$(CC)" MAKE="$(MAKE)" sh tests/run.sh

# Types without debug information, release by release.
.PHONY: levels
levels: all
	$(Q)BUILD=$(BUILD) sh tests/levels.sh

.PHONY: lint
lint: | $(GEN)
	$(Q)ONLY=lint BUILD=$(BUILD) CC="$(CC)" MAKE="$(MAKE)" sh tests/run.sh

.PHONY: check-headers
check-headers: | $(GEN)
	$(Q)for h in include/heapconv/*.h $$(ls src/*/*.h | grep -v layout_fields); do \
	  n=$${h#include/}; n=$${n#src/}; \
	  echo "#include \"$$n\"" | $(CC) $(ALL_CFLAGS) -xc - -fsyntax-only || exit 1; done
	$(Q)echo '#include "heapconv/heapconv.h"' | $(CC) -xc++ -Iinclude -Wall -Wextra - -fsyntax-only

.PHONY: check-layers
check-layers:
	$(Q)awk -f tests/lint/layers.awk $$(find src cmd include -name '*.[ch]')

# ---- install ----

.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/heapconv
	install -m 755 $(BUILD)/heapconv $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/libheapconv.a $(DESTDIR)$(PREFIX)/lib/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions
	install -m 644 cmd/heapconv/completion/heapconv.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/heapconv
	install -m 644 cmd/heapconv/completion/_heapconv $(DESTDIR)$(PREFIX)/share/zsh/site-functions/
	install -m 644 cmd/heapconv/heapconv.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 include/heapconv/*.h $(DESTDIR)$(PREFIX)/include/heapconv/
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' heapconv.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/heapconv.pc

# ---- for newcomers ----

.PHONY: deps
deps:
	$(Q)sh tests/deps.sh

.PHONY: demo
demo:
	$(Q)sh tests/deps.sh
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) sh tests/demo.sh

.PHONY: bench
bench: all
	$(Q)BUILD=$(BUILD) sh tests/bench.sh

.PHONY: bench-types
bench-types: all
	$(Q)BUILD=$(BUILD) sh tests/bench_types.sh

# Every kind of snapshot that this machine can make; half an hour. docs/snapshots.md is the answer.
.PHONY: matrix
matrix: all
	$(Q)HEAPCONV=$(BUILD)/heapconv TABLE=docs/snapshots.md bash tests/matrix.sh

.PHONY: clean
clean:
	rm -rf build

.PHONY: help
help:
	@echo "make            build heapconv and libheapconv.a in $(BUILD)"
	@echo "make demo       install what is needed, build, convert a bundled core, show the answer"
	@echo "make check      build and run all tests (SAN=address,undefined for the sanitizer flavour)"
	@echo "make matrix     every kind of snapshot that can be made here; writes docs/snapshots.md (half an hour)"
	@echo "make lint       static analysis: gcc's and clang's analyzers, cppcheck, as far as they are installed"
	@echo "make fuzz       fuzz targets in build/fuzz/fuzz (needs clang): build/fuzz/fuzz/fuzz_elf tests/fuzz/corpus/elf"
	@echo "make fuzz-run MINUTES=60   runs all of them; make fuzz-coverage: which lines they reach (docs/fuzzing.md)"
	@echo "make bench      time and memory on a heap of 10 million objects (needs Go)"
	@echo "make bench-types  how much of real programs' memory has names (needs Go, gdb and Go's module proxy)"
	@echo "make install    to PREFIX ($(PREFIX)), under DESTDIR"

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
