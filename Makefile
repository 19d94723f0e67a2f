# craft: KRaft in C. `make help` lists the targets.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# ---- variants: V=opt (what people run), V=asan (what tests run), V=clang (second compiler) ----
V ?= opt
O := build/$(V)
CC_opt := gcc
CC_asan := gcc
CC_clang := clang
CC := $(CC_$(V))
PYTHON := /usr/bin/python3

WARN := -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wstrict-prototypes -Wswitch-enum \
        -Wmissing-prototypes -Wpointer-arith -Wvla -Werror
FLAGS_opt := -O2 -g
FLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DCRAFT_VERIFY
FLAGS_clang := -O2 -g
CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -Ibuild/gen $(FLAGS_$(V)) -MMD -MP
LDFLAGS := $(FLAGS_$(V)) -pthread
LDLIBS := -levent_core -levent_pthreads -lprotobuf-c -ljansson -lssl -lcrypto -lz -llz4 -lzstd -lsnappy -lm

# ---- the house: a library per folder, floors from low to high ----
FOLDERS := base proto wire raft metadata store net raft/node controller broker cli
# A floor-4 folder owns its subfolders; raft/node is a folder of its own.
sources = $(filter-out $(1)/main.c,$(if $(filter raft,$(1)),$(wildcard raft/*.c),$(shell find $(1) -name '*.c' 2>/dev/null | sort)))
GEN_proto := build/gen/proto/metadata.pb-c.c
WIRE_SCHEMAS := $(sort $(wildcard wire/schema/*.msg))
GEN_wire := build/gen/wire/messages.c
GEN := $(GEN_proto) $(GEN_wire)

lib_of = $(O)/lib/$(subst /,-,$(1)).a
define folder_rules
OBJS_$(1) := $$(patsubst %.c,$$(O)/obj/%.o,$$(call sources,$(1)) $$(GEN_$(1)))
$$(call lib_of,$(1)): $$(OBJS_$(1))
	@mkdir -p $$(@D); rm -f $$@
	@$$(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

# What each folder may link, itself last (scripts/layers.py checks the includes).
NEEDS_base := base
NEEDS_proto := base proto
NEEDS_wire := base wire
NEEDS_raft := base raft
NEEDS_metadata := base wire proto metadata
NEEDS_store := base wire store
NEEDS_net := base wire net
NEEDS_raft/node := base wire raft store net raft/node
NEEDS_controller := base wire proto raft metadata store net raft/node controller
NEEDS_broker := base wire proto raft metadata store net raft/node broker
NEEDS_cli := base wire proto raft metadata store net raft/node cli
libs_for = $(foreach f,$(NEEDS_$(1)),$(call lib_of,$(f)))

$(O)/obj/build/gen/%.o: build/gen/%.c
	@mkdir -p $(@D)
	@echo "  CC  $<"; $(CC) $(CFLAGS) -Wall -Werror -c $< -o $@
$(O)/obj/%.o: %.c | $(GEN)
	@mkdir -p $(@D)
	@echo "  CC  $<"; $(CC) $(CFLAGS) $(WARN) -c $< -o $@

$(GEN_proto): proto/metadata.proto
	@mkdir -p build/gen/proto
	protoc-c --proto_path=proto --c_out=build/gen/proto $<
$(GEN_wire): wire/generate.py $(WIRE_SCHEMAS)
	@mkdir -p build/gen/wire
	$(PYTHON) wire/generate.py --out build/gen/wire $(WIRE_SCHEMAS)

# ---- programs ----
PROGRAMS := $(O)/bin/craft $(O)/bin/craft-controller $(O)/bin/craft-broker
$(O)/bin/craft: $(O)/obj/cli/main.o $(call libs_for,cli)
$(O)/bin/craft-controller: $(O)/obj/controller/main.o $(call libs_for,controller)
$(O)/bin/craft-broker: $(O)/obj/broker/main.o $(call libs_for,broker)
$(PROGRAMS):
	@mkdir -p $(@D)
	@echo "  LD  $@"; $(CC) $(LDFLAGS) $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS) -o $@

all: $(PROGRAMS) ## build the three programs into build/$(V)/bin
	@if [ $(V) = opt ]; then ln -sfn opt/bin build/bin; fi

# ---- unit tests: tests/unit/<folder>/test_*.c, one program each, linked with that folder ----
UNIT_SOURCES := $(sort $(shell find tests/unit -name 'test_*.c' 2>/dev/null))
UNIT_PROGRAMS := $(patsubst tests/%.c,$(O)/tests/%,$(UNIT_SOURCES))
define unit_rules
$(O)/tests/unit/$(1)/%: $(O)/obj/tests/unit/$(1)/%.o $(call libs_for,$(1))
	@mkdir -p $$(@D)
	@echo "  LD  $$@"; $$(CC) $$(LDFLAGS) $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcheck -lsubunit -lrt $$(LDLIBS) -o $$@
endef
$(foreach f,$(FOLDERS),$(eval $(call unit_rules,$(f))))
unit: $(UNIT_PROGRAMS) ## run the unit tests of variant V
	@set -e; for t in $^; do echo "  RUN $$t"; $$t; done

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18
clean: ## remove everything built
	rm -rf build/opt build/asan build/clang build/gen build/bin
.PHONY: all unit help clean
.SECONDARY:
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
