# Names for what scripts/ does; `make help` lists them.
.PHONY: help build demo test check unit blackbox init git setup docker redteam test-release compare-inits bench bench-scan coverage fuzz docs interface pictures release reproduce install clean

PREFIX ?= /usr/local

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

build: ## the static release binary
	@scripts/build.sh

demo: ## the main job on made-up secrets, in a container or in namespaces
	@scripts/demo.sh

test: ## every suite, with what they need installed
	@scripts/test.sh

check: ## formatting and lints
	@scripts/test.sh format lints

unit: ## claims about the pure rooms, the real clients included
	@scripts/prepare.sh
	@scripts/test.sh unit

blackbox: ## the binary in fresh namespaces
	@scripts/prepare.sh
	@scripts/test.sh blackbox

init: ## the binary as PID 1
	@scripts/prepare.sh
	@scripts/test.sh init

git: ## Git's credentials, with a real git and a server behind TLS
	@scripts/prepare.sh
	@scripts/test.sh git

setup: ## the setup phase and the seal, crashes and restarts included
	@scripts/prepare.sh
	@scripts/test.sh setup

docker: ## compose.example.yml with real servers
	@scripts/prepare.sh
	@scripts/test.sh docker

redteam: ## a hostile main tries everything; writes the table of docs/security.md
	@scripts/prepare.sh
	VESTIBULE_WRITE_DOCS=1 scripts/with-binary.sh cargo test --locked --test redteam

test-release: ## a release made twice, its files, manual page, completions and workflows
	@scripts/prepare.sh
	@scripts/test.sh release

compare-inits: ## the claims about PID 1, put to other inits as well
	@scripts/prepare.sh
	scripts/with-binary.sh cargo test --locked --test init -- --ignored --nocapture --exact compare::no_other_init_is_right_where_vestibule_is_not

bench: ## everything that docs/benchmarks.md says, measured anew
	@scripts/prepare.sh
	scripts/with-binary.sh cargo bench --locked --bench peers
	scripts/with-binary.sh cargo bench --locked --bench scan | tee -a docs/benchmarks.md

bench-scan: ## the scan of 50,000 files beside grep -F
	scripts/with-binary.sh cargo bench --locked --bench scan

coverage: ## line coverage of policy, collect and connection
	@scripts/coverage.sh

fuzz: ## a minute for each target of fuzz/, with a sanitizer
	@scripts/fuzz.sh

docs: ## the tables of docs/policy.md, from policy.schema.json
	scripts/policy-tables.py

interface: ## manual page and completions, from docs/help.txt
	@python3 scripts/interface.py

pictures: ## docs/terminal-*.svg: what the binary says; as root
	@python3 scripts/pictures.py

release: ## binaries for x86_64 and aarch64, archives, SBOM and checksums; TAG=v1.2.3 insists on it
	@scripts/release.sh $(TAG)

reproduce: ## the release once more, from another directory: is it the same
	@scripts/reproduce.sh

install: ## program, manual page, completions and schema below $(DESTDIR)$(PREFIX)
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" scripts/install.sh

clean: ## everything that was built
	cargo clean
