# The commands of a working day; scripts/setup.sh does the set-up that each needs.

.DEFAULT_GOAL := help
.PHONY: help setup run test bench bench-report bench-vit sanitize validate tables stress stress-short mutants lint house install uninstall deb clean

SWIFT := swift
PIPELINE := .build/release/pipeline
BUILD := $(SWIFT) build -c release --product pipeline
BUILD_SERVE := $(SWIFT) build -c release --product pipeline-serve

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## Install the system's packages that are missing
	@scripts/setup.sh system

run: setup ## Set up, build, fetch MNIST and the weights of the ViT, and bring the pipeline coherent-label0 up to date
	$(BUILD)
	$(PIPELINE) fetch mnist vit-s14
	$(PIPELINE) run coherent-label0

test: setup ## Set up, build and run all tests
	@SWIFT=$(SWIFT) scripts/check/all.sh

# PEERS names a Python environment with PyTorch, PEER_SCRIPT a program like docs/compute.md describes; without them only
# our own figures are printed.
bench: setup ## Build and run the benchmarks, beside PyTorch where PEERS and PEER_SCRIPT are given, and beside ninja
	$(SWIFT) build -c release --product bench
	.build/release/bench $(if $(PEERS),--python $(PEERS)/bin/python --script $(PEER_SCRIPT))
	.build/release/bench directions
	.build/release/bench memory
	$(BUILD)
	$(SWIFT) build -c release --product ToyWorker
	python3 scripts/bench/engine.py
	python3 scripts/bench/large.py

# NAMES names pipelines of the project that have been run: make bench-report NAMES="coherent-label0 steps".
bench-report: setup ## Measure reports against their bars: size, time, time until a browser answers
	@scripts/setup.sh python
	@scripts/setup.sh browser
	$(BUILD)
	.build-python/bin/python scripts/bench/report.py $(NAMES)

# TORCH_VIT names a program that measures PyTorch's forward pass, as docs/vit.md describes.
bench-vit: setup ## Time the vision transformer, beside PyTorch and onnxruntime where PEERS and TORCH_VIT are given
	$(BUILD)
	$(SWIFT) build -c release --product vit-bench
	$(PIPELINE) fetch vit-s14
	.build/release/vit-bench cache/downloads/vit-s14/vit_s_focus.onnx $(if $(PEERS),--python $(PEERS)/bin/python \
	  $(if $(TORCH_VIT),--torch $(TORCH_VIT)) --onnxruntime scripts/peers/onnx_vit.py)

validate: setup ## Run the long checks against the truth; writes docs/tables/logistic-checks.md
	@scripts/setup.sh python
	$(BUILD)
	python3 scripts/results/validate.py
	.build-python/bin/python scripts/results/figures.py --run 'steps:--set extractor=pixels --set repeat=3' \
	  'datamodeling:--set size=[1000] --set repeat=4' \
	  'attack:--set extractor=pixels --set size=[3500] --set repeat=6 --set attacked=3'

tables: ## Put the tables that are up to date in the cache into docs/tables; runs no node
	python3 scripts/results/tables.py

sanitize: setup ## Run the compute engine's tests under the address, thread and undefined-behaviour sanitizers
	scripts/check/sanitize.sh

stress: setup ## Kill, damage and crowd the engine for some 20 minutes, time it; writes docs/reliability.md
	$(BUILD)
	$(SWIFT) build -c release --product ToyWorker
	python3 scripts/stress --write docs/reliability.md

stress-short: setup ## The same in about a minute (part of test)
	$(BUILD)
	python3 scripts/stress --short

# AREA names some of scripts/mutants/faults: make mutants AREA="cache gc".
mutants: setup ## Put faults into the code, one at a time, and see which of them no test notices; writes docs/checks/mutants.md
	@scripts/setup.sh python
	$(BUILD)
	$(PIPELINE) fetch mnist vit-s14
	python3 -B scripts/mutants --write docs/checks/mutants.md $(AREA)

lint: ## Check the format of the sources, the rules of the house, and the pages for what is stale
	$(SWIFT) format lint --strict --configuration .swift-format --recursive Sources Tests Package.swift
	python3 -B -m unittest discover -q -s scripts/check
	python3 -B -m unittest discover -q -s scripts/mutants
	python3 -B scripts/mutants --check
	python3 -B scripts/check/house.py --check
	python3 -B scripts/check/documents.py
	scripts/check/page.sh

house: ## Measure the checkout by the rules of the house
	@python3 scripts/check/house.py

# DESTDIR stands before PREFIX, as packagers want it.
PREFIX ?= /usr/local

install: setup ## Install the program, man pages and completions under PREFIX (/usr/local)
	$(BUILD)
	$(BUILD_SERVE)
	python3 scripts/install $(PIPELINE) --prefix $(PREFIX) --destdir "$(DESTDIR)"

uninstall: ## Remove what make install has installed under PREFIX
	python3 scripts/install --remove --prefix $(PREFIX) --destdir "$(DESTDIR)"

deb: setup ## Make a Debian package of the program, man pages and completions in .build/deb
	$(BUILD)
	python3 scripts/install $(PIPELINE) --deb .build/deb

clean: ## Remove what was built; the cache of results stays
	rm -rf .build .build-python
