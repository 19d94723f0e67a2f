# craft: KRaft in C. `make help` lists the targets.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
ifeq ($(MAKELEVEL),0) # every core, unless the command line says -j
MAKEFLAGS += -j$(shell nproc)
endif

# ---- variants ----
# V=opt: what people run. V=asan: what tests run. V=clang: a second opinion, never run.
# V=fuzz: asan by clang, with coverage for libFuzzer.
V ?= opt
O := build/$(V)
CC_opt := gcc
CC_asan := gcc
CC_clang := clang
CC_fuzz := clang
CC := $(CC_$(V))
PYTHON := /usr/bin/python3

# Packages are looked after once; scripts/deps.sh installs what is missing, or says how.
DEPS_clang := build/.deps-check
DEPS_fuzz := build/.deps-test
DEPS := build/.deps-build $(DEPS_$(V))

WARN := -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wstrict-prototypes -Wswitch-enum \
        -Wmissing-prototypes -Wpointer-arith -Wvla -Werror
SANITIZE := -g -fno-omit-frame-pointer -fno-sanitize-recover=all -DCRAFT_VERIFY
FLAGS_opt := -O2 -g
FLAGS_asan := -O1 $(SANITIZE) -fsanitize=address,undefined
FLAGS_clang := -O0
FLAGS_fuzz := -O1 $(SANITIZE) -fsanitize=address,undefined,fuzzer-no-link
CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -Ibuild/gen $(FLAGS_$(V)) -MMD -MP
LDFLAGS := $(FLAGS_$(V)) -pthread -Wl,--as-needed
LDLIBS := -levent_core -levent_extra -levent_openssl -levent_pthreads -lprotobuf-c -ljansson -lpcre2-8 \
          -lssl -lcrypto -lz -llz4 -lzstd -lsnappy -lm

# ---- the house: a library per folder, floors from low to high ----
FOLDERS := base proto wire raft metadata store net/os net raft/node daemon controller broker cli dev \
           sim/net sim/fs sim/cluster
# A folder owns its subfolders, but for those that are folders of their own.
sources = $(filter-out $(1)/main.c $(addsuffix /%,$(filter $(1)/%,$(FOLDERS))),\
                       $(shell find $(1) -name '*.c' 2>/dev/null | sort))
GEN_proto := build/gen/proto/metadata.pb-c.c
WIRE_SCHEMAS := $(sort $(wildcard wire/schema/*.msg))
GEN_wire := build/gen/wire/messages.c
GEN := $(GEN_proto) $(GEN_wire)

lib_of = $(O)/lib/$(subst /,-,$(1)).a
# The list beside the library changes when a file comes or goes, the library with it.
define folder_rules
OBJS_$(1) := $$(patsubst %.c,$$(O)/obj/%.o,$$(call sources,$(1)) $$(GEN_$(1)))
$$(call lib_of,$(1)): $$(OBJS_$(1)) $$(call lib_of,$(1)).list | $$(DEPS)
	@mkdir -p $$(@D); rm -f $$@
	@$$(AR) rcs $$@ $$(OBJS_$(1))
$$(call lib_of,$(1)).list: FORCE
	@$$(call write_if_changed,$$(OBJS_$(1)))
endef
write_if_changed = mkdir -p $(@D); cmp -s $@ - <<< '$(1)' || cat > $@ <<< '$(1)'
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

# What each folder may link, itself last (scripts/layers.py holds the includes to it).
NEEDS_base := base
NEEDS_proto := base proto
NEEDS_wire := base wire
NEEDS_raft := base raft
NEEDS_metadata := base wire proto metadata
NEEDS_store := base wire store
NEEDS_net/os := base net/os
NEEDS_net := base wire net/os net
NEEDS_raft/node := base wire raft store net raft/node
NEEDS_daemon := base wire proto raft metadata store net raft/node daemon
NEEDS_controller := base wire proto raft metadata store net raft/node daemon controller
NEEDS_broker := base wire proto raft metadata store net raft/node daemon broker
# Tests of what several executables must agree on.
NEEDS_house := base wire proto raft metadata store net raft/node daemon controller broker
NEEDS_sim/house := $(NEEDS_house) sim/net sim/fs
NEEDS_dev := $(NEEDS_house) dev
NEEDS_cli := base wire proto raft metadata store net raft/node daemon cli
NEEDS_sim/net := base net/os sim/net
NEEDS_sim/fs := base wire store sim/fs
NEEDS_sim/cluster := base wire proto raft metadata store net raft/node daemon controller broker \
                     sim/net sim/fs sim/cluster

# Who links net links a system below it: sim/net where that is needed, else net/os.
# LINKS_<folder>: what its tests link, where that is not what it may include.
LINKS_sim/net := base wire net sim/net
links = $(or $(LINKS_$(1)),$(NEEDS_$(1)))
system = $(if $(filter net,$(links)),$(if $(filter sim/net,$(links)),,net/os))
libs_for = $(foreach f,$(sort $(links) $(system)),$(call lib_of,$(f)))

# ---- objects ----
build/.deps-%: scripts/deps.sh
	@mkdir -p build; scripts/deps.sh $* && touch $@
# Other flags, other objects.
$(O)/flags: FORCE
	@$(call write_if_changed,$(CC) $(CFLAGS) $(WARN))

$(O)/obj/build/gen/%.o: build/gen/%.c $(O)/flags | $(DEPS)
	@mkdir -p $(@D)
	@echo "  CC  $<"; $(CC) $(CFLAGS) -DNDEBUG -Wall -Wno-missing-braces -Werror -c $< -o $@
$(O)/obj/tests/%.o: tests/%.c $(O)/flags | build/.deps-test $(DEPS) $(GEN)
	@mkdir -p $(@D)
	@echo "  CC  $<"; $(CC) $(CFLAGS) $(WARN) -c $< -o $@
$(O)/obj/%.o: %.c $(O)/flags | $(DEPS) $(GEN)
	@mkdir -p $(@D)
	@echo "  CC  $<"; $(CC) $(CFLAGS) $(WARN) -c $< -o $@

# Source and header together, so that what includes the header is compiled again in the same run.
$(GEN_proto) $(GEN_proto:.c=.h) &: proto/metadata.proto | build/.deps-build
	@mkdir -p build/gen/proto
	@echo "  GEN $(GEN_proto)"; protoc-c --proto_path=proto --c_out=build/gen/proto $<
$(GEN_wire) $(GEN_wire:.c=.h) &: wire/generate.py $(WIRE_SCHEMAS) | build/.deps-build
	@mkdir -p build/gen/wire
	@echo "  GEN $(GEN_wire)"; $(PYTHON) wire/generate.py --out build/gen/wire $(WIRE_SCHEMAS)
	@touch $(GEN_wire) $(GEN_wire:.c=.h)

# ---- programs ----
# All of sim/net is linked, so that it comes before what it takes the place of in base.
all_of = $(if $(1),-Wl$(comma)--whole-archive $(1) -Wl$(comma)--no-whole-archive)
comma := ,
link = @mkdir -p $(@D); echo "  LD  $@"; \
       $(CC) $(LDFLAGS) $(filter %.o,$^) $(call all_of,$(filter %/sim-net.a,$^)) -Wl,--start-group $(filter-out %/sim-net.a,$(filter %.a,$^)) -Wl,--end-group $(1) $(LDLIBS) -o $@

PROGRAMS := $(O)/bin/craft $(O)/bin/craft-controller $(O)/bin/craft-broker $(O)/bin/craft-dev
$(O)/bin/craft: $(O)/obj/cli/main.o $(call libs_for,cli)
$(O)/bin/craft-controller: $(O)/obj/controller/main.o $(call libs_for,controller)
$(O)/bin/craft-broker: $(O)/obj/broker/main.o $(call libs_for,broker)
$(O)/bin/craft-dev: $(O)/obj/dev/main.o $(call libs_for,dev)
$(PROGRAMS):
	$(call link,)

# The names of Kafka's tools, with and without .sh: craft knows itself by them.
KAFKA_TOOLS := $(sort $(shell sed -n 's/^ *\.noun = "\(kafka-[a-z-]*\)".*/\1/p' $(wildcard cli/kafka/*.c)))
KAFKA_LINKS := $(foreach t,$(KAFKA_TOOLS),$(O)/bin/$(t) $(O)/bin/$(t).sh)
$(KAFKA_LINKS): | $(O)/bin/craft
	@ln -sf craft $@

all: $(PROGRAMS) $(KAFKA_LINKS) ## build the three programs into build/$(V)/bin
	@if [ $(V) = opt ]; then ln -sfn opt/bin build/bin; fi

# ---- test programs ----
# tests/lib: what several test programs use; linked as far as it is called.
TESTLIB_SOURCES := $(sort $(wildcard tests/lib/*.c))
TESTLIB := $(if $(TESTLIB_SOURCES),$(O)/lib/tests-lib.a)
$(O)/lib/tests-lib.a: $(patsubst %.c,$(O)/obj/%.o,$(TESTLIB_SOURCES))
	@mkdir -p $(@D); rm -f $@
	@$(AR) rcs $@ $^

# tests/unit/<folder>/test_*.c: one Check program each, linked with that folder.
UNIT_SOURCES := $(sort $(shell find tests/unit -name 'test_*.c' 2>/dev/null))
UNIT_PROGRAMS := $(patsubst tests/%.c,$(O)/tests/%,$(UNIT_SOURCES))
define unit_rules
$(O)/tests/unit/$(1)/%: $(O)/obj/tests/unit/$(1)/%.o $(TESTLIB) $(call libs_for,$(1))
	$$(call link,-lcheck -lsubunit -lrt)
endef
$(foreach f,$(FOLDERS) house sim/house,$(eval $(call unit_rules,$(f))))

# Some of net's run on the simulated system, too: on_sim_*.
ON_SIM_SOURCES := tests/unit/sim/net/on_sim.c
ON_SIM_PROGRAMS := $(addprefix $(O)/tests/unit/sim/net/on_sim_,\
                               budget client client_bad_peer limits output server storm)
$(ON_SIM_PROGRAMS): $(O)/tests/unit/sim/net/on_sim_%: $(O)/obj/tests/unit/net/test_%.o \
                    $(ON_SIM_SOURCES:%.c=$(O)/obj/%.o) $(TESTLIB) $(call libs_for,sim/net)
	$(call link,-lcheck -lsubunit -lrt)
UNIT_PROGRAMS += $(ON_SIM_PROGRAMS)
unit: $(UNIT_PROGRAMS) ## run the unit tests of variant V
	@set -e; for t in $^; do echo "  RUN $$t"; $$t; done

# tests/fuzz/fuzz_<folder>.c: one libFuzzer program each (V=fuzz), linked with that folder.
FUZZ_PROGRAMS := $(patsubst tests/%.c,$(O)/tests/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
define fuzz_rules
$(O)/tests/fuzz/fuzz_$(1): $(O)/obj/tests/fuzz/fuzz_$(1).o $(TESTLIB) $(call libs_for,$(1))
	$$(call link,-fsanitize=fuzzer)
endef
$(foreach f,$(FOLDERS),$(eval $(call fuzz_rules,$(f))))
fuzz-programs: $(FUZZ_PROGRAMS)
	@:

# tests/sim/<folder>/*.c: one simulator each, sim_<folder>, linked with that folder (or IN_<folder>).
IN_cluster := sim/cluster
SIM_FOLDERS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/sim/*/*.c)))))
SIM_SOURCES := $(sort $(wildcard tests/sim/*/*.c))
SIM_PROGRAMS := $(SIM_FOLDERS:%=$(O)/tests/sim/sim_%)
define sim_rules
SIM_LINKED_$(1) := $(patsubst %.c,$(O)/obj/%.o,$(wildcard tests/sim/$(1)/*.c)) $(TESTLIB) \
                   $(call libs_for,$(or $(IN_$(1)),$(1)))
$(O)/tests/sim/sim_$(1): $$(SIM_LINKED_$(1))
	$$(call link,)
endef
$(foreach f,$(SIM_FOLDERS),$(eval $(call sim_rules,$(f))))

# tests/e2e/versions: the client of tests/e2e/test_versions.py.
E2E_SOURCES := $(sort $(wildcard tests/e2e/versions/*.c))
E2E_PROGRAMS := $(O)/tests/e2e/versions
$(O)/tests/e2e/versions: $(E2E_SOURCES:%.c=$(O)/obj/%.o) $(call libs_for,wire)
	$(call link,)

test-programs: $(foreach f,$(FOLDERS),$(call lib_of,$(f))) $(UNIT_PROGRAMS) $(SIM_PROGRAMS) $(E2E_PROGRAMS)
	@:

# tests/bench/load.c: the load generator of the measurements, on librdkafka.
# tests/bench/metadata/: what a large metadata image costs.
METADATA_SOURCES := $(wildcard tests/bench/metadata/*.c)
BENCH_SOURCES := $(wildcard tests/bench/*.c) $(METADATA_SOURCES)
$(O)/tests/load: $(O)/obj/tests/bench/load.o
	$(call link,-lrdkafka)
bench: ## measure a cluster on this machine (scripts/bench)
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory V=opt all build/opt/tests/load
	@$(PYTHON) scripts/bench/bench.py
$(O)/tests/metadata: $(METADATA_SOURCES:%.c=$(O)/obj/%.o) $(call libs_for,daemon)
	$(call link,)
bench-metadata: ## measure an image of a million partitions: replay, deltas, commits beside snapshots
	@$(MAKE) --no-print-directory V=opt build/opt/tests/metadata
	@build/opt/tests/metadata
bench-burn: ## a cluster beside busy cores for ten minutes: no elections, no changed ISR
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory V=opt all
	@CRAFT_BURN_S=$${CRAFT_BURN_S:-600} $(PYTHON) tests/e2e/test_burn.py
bench-peer: ## the same loads beside Apache Kafka, in turn (needs Java and Maven Central)
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory V=opt all build/opt/tests/load
	@$(PYTHON) scripts/bench/peer.py
bench-etcd: ## the metadata quorum beside etcd, in turn (needs etcd, or Debian's archive)
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory V=opt all
	@$(PYTHON) scripts/bench/etcd.py

# ---- simulations ----
SECONDS ?= 60
sim: ## simulate clusters for SECONDS on all cores (sim/cluster); a failure prints its replay
	@$(MAKE) --no-print-directory V=opt build/opt/tests/sim/sim_cluster
	@build/opt/tests/sim/sim_cluster --seed $(or $(SEED),$$(date +%s)) --seconds $(SECONDS) --jobs $$(nproc)

sim-mutants: ## plants known mistakes; the simulator of clusters must find each (tests/sim/mutants.py)
	@$(MAKE) --no-print-directory V=opt build/opt/tests/sim/sim_cluster
	@$(PYTHON) tests/sim/mutants.py $(PLANT)

# ---- the two commands ----
test: ## run every test: unit, simulation, fuzz, end to end (under 20 minutes)
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory V=asan all test-programs
	@$(MAKE) --no-print-directory V=fuzz fuzz-programs
	@$(PYTHON) tests/run.py

e2e-clients: ## run clients in Go, Java, JavaScript, Python and Rust (needs their registries)
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory V=opt all
	@tests/clients/run.py $(CLIENTS)

e2e-java: ## run the tools of Apache Kafka 3.9 and 4.1 (needs Java and Maven Central)
	@scripts/deps.sh test
	@$(MAKE) --no-print-directory V=opt all
	@tests/clients/java_tools.py $(TOOLS)

# Every file is read by both compilers; nothing that they compile is run.
check: ## style, layers, purity, two compilers (under 3 minutes)
	@scripts/deps.sh check
	@$(MAKE) --no-print-directory gen
	@scripts/format.sh --check
	@$(PYTHON) scripts/tidy.py
	@$(PYTHON) scripts/layers.py
	@$(PYTHON) tests/sim/mutants.py --fit
	@$(MAKE) --no-print-directory V=opt all test-programs
	@$(PYTHON) scripts/purity.py
	@$(MAKE) --no-print-directory V=clang all test-programs
	@echo "check: ok"

format: ## format every C file
	@scripts/format.sh

# For the scripts: every file that some target compiles, and the values of variables NAMES.
SOURCES = $(foreach f,$(FOLDERS),$(call sources,$(f))) controller/main.c broker/main.c cli/main.c dev/main.c \
          $(TESTLIB_SOURCES) $(UNIT_SOURCES) $(ON_SIM_SOURCES) $(SIM_SOURCES) $(E2E_SOURCES) $(BENCH_SOURCES) \
          $(FUZZ_PROGRAMS:$(O)/%=%.c)
show:
	@$(foreach name,$(NAMES),echo '$(name)=$($(name))';)
gen: $(GEN)
	@:

e2e-java-names: ## compare craft with Kafka's own tools on one cluster (needs Java and Maven)
	@$(MAKE) --no-print-directory V=opt all
	@status=0; $(PYTHON) scripts/kafka-names.py diff || status=$$?; \
	if [ $$status = 77 ]; then echo "SKIPPED: e2e-java-names needs Java and Maven"; else exit $$status; fi

# ---- a cluster on this machine ----
cluster: ## start three controllers and three brokers (scripts/cluster.sh)
	@$(MAKE) --no-print-directory V=opt all
	@scripts/cluster.sh start
cluster-stop: ## stop them; the data stays in build/cluster
	@scripts/cluster.sh stop

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18
clean: ## remove everything built (a cluster in build/cluster stays)
	rm -rf build/{opt,asan,clang,fuzz,gen,bin,test,plants,mutants} build/.deps-*
FORCE:
.PHONY: all gen show e2e-java-names bench bench-burn bench-metadata sim sim-mutants unit fuzz-programs test-programs test e2e-clients e2e-java check format cluster cluster-stop help clean FORCE
.SECONDARY:
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
