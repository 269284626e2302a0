# The front door: `make run` and `make test` do all the set-up there is. The build itself is CMake's.
PYTHON := /usr/bin/python3
CACHE  := .cache
GUEST  ?=
SCREEN ?=
export PYTHONDONTWRITEBYTECODE := 1

ifneq ($(filter-out linux dos hlt,$(GUEST)),)
$(error GUEST is linux, dos or hlt)
endif
ifneq ($(filter-out gtk vnc,$(SCREEN)),)
$(error SCREEN is gtk or vnc)
endif

.DEFAULT_GOAL := help
.PHONY: help deps guest elf iso run run-bochs run-kvm run-tcg demo test lint format bench soak clean distclean

help: ## This list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
	@echo
	@echo "GUEST=linux|dos|hlt takes that menu entry at once; SCREEN=gtk|vnc shows a run's screen as well;"
	@echo "DRY=1 prints a run's command line instead."

deps:
	@tools/deps.sh

guest: deps
	@tools/guest.sh $(CACHE) build/guest

elf: deps
	@[ -f build/release/build.ninja ] || cmake --preset release
	@cmake --build build/release
	@cmp -s build/release/pxhv.elf build/pxhv.elf || cp build/release/pxhv.elf build/pxhv.elf

build/hlt.bin: iso/hlt.asm | elf
	@nasm -f bin -o $@ $<

iso: elf guest build/hlt.bin ## build/pxhv.elf and build/pxhv.iso
	@tools/iso.py $(if $(GUEST),--guest $(GUEST))

# A dry run needs nothing built.
ISO := $(if $(DRY),,iso)
RUN  = @tools/run.py $(if $(SCREEN),--screen $(SCREEN)) $(if $(DRY),--dry)

run: $(ISO) ## Boot the ISO here in QEMU: with KVM where that offers VT-x or AMD-V, else without
	$(RUN) auto

run-bochs: $(ISO) ## The same in Bochs, which emulates VT-x
	$(RUN) bochs

run-kvm: $(ISO) ## The same in QEMU with KVM
	$(RUN) kvm

run-tcg: $(ISO) ## The same in QEMU without KVM, which emulates AMD-V
	$(RUN) tcg

demo: elf guest build/hlt.bin ## Boot each guest as `make run` does, log in, run commands, power off, print figures
	@$(PYTHON) tools/demo.py

test: iso ## Every test; ends with one line: N passed, N failed, N skipped
	@$(PYTHON) tools/test_all.py lint build unit boot

lint: deps ## Style and layers only
	@$(PYTHON) tools/test_all.py lint

soak: iso ## The long runs
	@$(PYTHON) tools/test_all.py soak

bench: elf guest ## Measure; a table and build/bench.json
	@$(PYTHON) tests/bench/bench.py

format: deps ## clang-format over all C
	@find src tests -name '*.[ch]' -exec clang-format -i {} +

clean: ## Remove build/
	rm -rf build

distclean: clean ## Remove the downloads as well
	rm -rf $(CACHE)
