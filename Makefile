# Two commands are all a new machine needs:
#   make run    set up, start the bus and a simulated hospital, carry twenty outpatient visits
#   make test   set up (RabbitMQ included) and run every test
SHELL := /bin/bash
PYTHON ?=
VENV   := .venv
# The tests start hundreds of processes: without byte code on disk each of them would compile the packages anew.
unexport PYTHONDONTWRITEBYTECODE
BIN    := $(VENV)/bin
VISITS ?= 20
# The foreign SOAP stacks that tests talk to, beside what npm and PyPI hold.
FOREIGN := php-cli php-soap libsoap-lite-perl curl gsoap libgsoap-dev g++ mono-devel mono-mcs libjaxws-java \
           default-jdk-headless mono-fastcgi-server4 nginx-light

.PHONY: help install run test check format interop bench soak chaos bundle tools clean

help:
	@sed -n 's/^#   make/make/p' Makefile; echo 'make check  format, lint, types, import direction, documentation'; \
	 echo 'make interop  foreign SOAP clients and servers through the bus'; \
	 echo 'make bench  the bus against its floor, the backbone against pika, visits a second, a hung provider'; \
	 echo 'make soak   half an hour of load, and what it does to memory'; \
	 echo 'make chaos  the hospital while everything fails: nothing lost, nothing twice'; \
	 echo 'make bundle one file with everything that an isolated network needs'; \
	 echo 'make tools  the foreign programs that some tests talk to (PHP, Java, Mono, Orthanc, PostgreSQL, Chromium …)'

install: $(VENV)/.run.stamp

$(VENV)/.run.stamp: setup.cfg pyproject.toml
	@PYTHON="$(PYTHON)" deploy/setup.sh venv $(VENV)
	@deploy/setup.sh packages $(VENV) '.[dicom]'
	@touch $@

$(VENV)/.test.stamp: $(VENV)/.run.stamp
	@deploy/setup.sh packages $(VENV) '.[dicom,test,dev]'
	@touch $@

run: install
	@$(BIN)/meridian demo --visits $(VISITS)

test: $(VENV)/.test.stamp
	@deploy/setup.sh debian rabbitmq-server
	@echo '==> tests'
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

interop: $(VENV)/.test.stamp
	@deploy/setup.sh debian $(FOREIGN)
	@command -v npm >/dev/null || deploy/setup.sh debian nodejs npm
	@echo '==> foreign SOAP stacks'
	@$(BIN)/python -m pytest -q tests/interop

check: $(VENV)/.test.stamp
	@echo '==> format'        && $(BIN)/ruff format --check .
	@echo '==> lint'          && $(BIN)/ruff check .
	@echo '==> types'         && $(BIN)/mypy
	@echo '==> imports'       && $(BIN)/lint-imports
	@echo '==> documentation' && $(BIN)/python -m pytest -q tests/docs

format: $(VENV)/.test.stamp
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: $(VENV)/.test.stamp
	@deploy/setup.sh debian wrk rabbitmq-server
	@$(BIN)/python -m tests.bench

soak: $(VENV)/.test.stamp
	@deploy/setup.sh debian wrk
	@$(BIN)/python -m tests.bench soak

# CHAOS_VISITS, CHAOS_FAULTS, CHAOS_MINUTES, CHAOS_SEED, CHAOS_PROFILE, CHAOS_KEEP: docs/chaos.md
chaos: $(VENV)/.test.stamp
	@deploy/setup.sh debian rabbitmq-server postgresql strace
	@PYTHONPATH=tests $(BIN)/python -m chaos

bundle: $(VENV)/.run.stamp
	@deploy/bundle.sh $(BIN)/python

tools:
	@deploy/setup.sh debian postgresql prometheus haproxy systemd orthanc orthanc-dicomweb chromium fonts-noto-cjk openssl strace $(FOREIGN)

clean:
	rm -rf build dist $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
