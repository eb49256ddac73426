# Names for what scripts/ does; `make help` lists them.
.PHONY: help deps build demo test check papers unit blackbox init git setup docker redteam redteam-write binaries test-demo test-release compare-inits bench bench-scan coverage test-fuzz fuzz docs interface pictures release reproduce install clean

PREFIX ?= /usr/local

# A suite installs nothing: it says what it lacks, and `make deps` installs that.
# VESTIBULE_PROFILE=dev puts an unoptimised binary to the claims, in seconds.

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

deps: ## installs what the suites need: Debian's packages, client libraries
	@scripts/prepare.sh

build: ## the static release binary
	@scripts/build.sh

demo: ## the main job on made-up secrets, in a container or in namespaces
	@scripts/demo.sh

test: ## every suite, with what they need installed
	@scripts/test.sh

check: ## formatting and lints
	@scripts/test.sh format lints

papers: ## scripts, documents, crates, licences and unsafe blocks
	@scripts/test.sh scripts docs dependencies unsafe

unit: ## claims about the pure rooms, the real clients included
	@scripts/test.sh unit

blackbox: ## the binary in fresh namespaces
	@scripts/test.sh blackbox

init: ## the binary as PID 1
	@scripts/test.sh init

git: ## Git's credentials, with a real git and a server behind TLS
	@scripts/test.sh git

setup: ## the setup phase and the seal, crashes and restarts included
	@scripts/test.sh setup

docker: ## compose.example.yml with real servers
	@scripts/test.sh docker

redteam: ## a hostile main tries everything; compares the table of docs/security.md
	@scripts/test.sh redteam

redteam-write: ## the same, and writes that table anew
	VESTIBULE_WRITE_DOCS=1 scripts/with-binary.sh cargo test --locked --test redteam

binaries: ## are both machines' binaries static and small
	@scripts/test.sh binary aarch64

test-demo: ## does the demo work
	@scripts/test.sh demo

test-release: ## a release made twice, its files, manual page, completions and workflows
	@scripts/test.sh release

compare-inits: ## the claims about PID 1, put to other inits as well
	scripts/with-binary.sh cargo test --locked --test init -- --ignored --nocapture --exact compare::no_other_init_is_right_where_vestibule_is_not

bench: ## everything that docs/benchmarks.md says, measured anew
	VESTIBULE_PROFILE=release scripts/with-binary.sh cargo bench --locked --bench peers
	VESTIBULE_PROFILE=release scripts/with-binary.sh cargo bench --locked --bench scan | tee -a docs/benchmarks.md

bench-scan: ## the scan of 50,000 files beside grep -F
	VESTIBULE_PROFILE=release scripts/with-binary.sh cargo bench --locked --bench scan

coverage: ## line coverage of policy, collect and connection
	@scripts/test.sh coverage

test-fuzz: ## three seconds for each target of fuzz/, without a sanitizer
	@scripts/test.sh fuzz

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
