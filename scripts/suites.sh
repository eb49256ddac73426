# The suites of `make test`, one function each: 0 passed, 1 failed, 77 not run,
# with the reason through `not_run`. What they print goes to a log.
# shellcheck shell=bash disable=SC2154  # test.sh sets $logs

MAX_BINARY_BYTES=850000
# A ratchet: it goes down, and up only with a reason in the commit.
MAX_UNSAFE_BLOCKS=65

not_run() {
    printf '%s' "$*" > "$logs/reason"
    exit 77
}

suite_format() {
    cargo fmt --check
    cargo fmt --check --manifest-path fuzz/Cargo.toml
}

suite_lints() {
    cargo clippy --locked --all-targets -- -D warnings
    RUSTFLAGS='--cfg fuzzing' cargo clippy --locked --lib -- -D warnings
}

suite_scripts() {
    have shellcheck || not_run 'shellcheck is not installed'
    shellcheck -x -P scripts scripts/*.sh scripts/demo/*.sh tests/docker/*.sh tests/docker/examples/docker \
        tests/docker/programs/*.sh completions/vestibule.bash .ci/run
}

# What the documents say about keys, messages and commands.
suite_docs() { python3 -B tests/docs/claims.py; }

# The crates that end up in PID 1, as a file that a reviewer sees change.
tree() {
    cargo tree --locked -p vestibule -e normal --target x86_64-unknown-linux-musl --charset ascii |
        sed 's/ (.*)$//'
}

suite_dependencies() {
    python3 scripts/licences.py
    if ! diff docs/dependencies.txt <(tree); then
        echo 'docs/dependencies.txt is not what Cargo.lock says; if that is meant: scripts/test.sh --accept-dependencies'
        return 1
    fi
}

suite_advisories() {
    have cargo-deny || not_run 'cargo-deny is not installed (it needs a database from the network)'
    cargo deny --locked check
}

suite_unsafe() {
    local blocks
    blocks=$(grep -rnE '\bunsafe \{' src || true)
    if grep -v '^src/sys/' <<< "$blocks"; then
        echo 'these unsafe blocks are not in src/sys'
        return 1
    fi
    echo "$(wc -l <<< "$blocks") unsafe blocks, at most $MAX_UNSAFE_BLOCKS"
    [ "$(wc -l <<< "$blocks")" -le "$MAX_UNSAFE_BLOCKS" ]
}

is_static_and_small() {
    local size
    size=$(stat -c %s "$1")
    echo "$size bytes, at most $MAX_BINARY_BYTES"
    if readelf --wide --program-headers --dynamic "$1" | grep -E 'INTERP|NEEDED'; then
        echo 'the binary is not static'
        return 1
    fi
    [ "$size" -le "$MAX_BINARY_BYTES" ]
}

suite_aarch64() {
    has_component target aarch64-unknown-linux-musl ||
        not_run 'the target aarch64-unknown-linux-musl cannot be had'
    is_static_and_small "$(release_build aarch64-unknown-linux-musl)"
}

suite_binary() {
    has_component target "$MUSL" || not_run "the target $MUSL cannot be had"
    local binary
    binary=$(VESTIBULE_PROFILE=release scripts/build.sh --musl-only | tail -n 1)
    is_static_and_small "$binary"
    "$binary" --version
}

suite_demo() { VESTIBULE_PROFILE=release scripts/demo.sh; }

# Built twice in two places, then looked at.
suite_release() {
    local machine
    for machine in x86_64 aarch64; do
        has_component target "$machine-unknown-linux-musl" ||
            not_run "the target $machine-unknown-linux-musl cannot be had"
    done
    scripts/release.sh
    scripts/reproduce.sh
    VESTIBULE_PROFILE=release scripts/with-binary.sh cargo test --locked --test release -- --show-output
}

suite_unit() {
    local python=$TARGET_DIR/venv/bin/python lacking=()
    [ -e "$TARGET_DIR/venv/pins" ] || lacking+=('the client libraries')
    have redis-server || lacking+=(redis-server)
    if [ ${#lacking[@]} != 0 ]; then
        cargo test --locked --lib
        printf '%s' "the claims that need ${lacking[*]}, which could not be installed" > "$logs/reason"
        return 78
    fi
    # Claims called `as_nobody_...` are started by others, as another user.
    VESTIBULE_TEST_PYTHON=$python cargo test --locked --lib -- --include-ignored --skip as_nobody_
}

suite_coverage() { scripts/coverage.sh; }

# in_namespaces SUITE [OPTION...]: the claims about the binary, each in fresh
# namespaces; options for the test program.
in_namespaces() {
    has_component target "$MUSL" || not_run "the target $MUSL cannot be had"
    have gcc || not_run 'gcc, for the witness process, could not be installed'
    [ "$(id -u)" = 0 ] || not_run 'only root can make the scenes; try: sudo make test'
    unshare --mount --pid --fork true 2> /dev/null ||
        not_run 'the kernel refuses new namespaces (unshare)'
    scripts/with-binary.sh cargo test --locked --test "$1" -- "${@:2}"
}

suite_blackbox() { in_namespaces blackbox; }

# The comparison with other inits is `make compare-inits`.
suite_init() { in_namespaces init --skip compare::; }

# With real containers where an engine answers; without one that part says so.
suite_redteam() { in_namespaces redteam --show-output; }

# Root alone, and none of the namespaces: commands run as other users.
suite_git() {
    local program
    for program in git git-lfs openssl ssh-agent /usr/sbin/sshd python3; do
        have "$program" || not_run "$program could not be installed"
    done
    has_component target "$MUSL" || not_run "the target $MUSL cannot be had"
    [ "$(id -u)" = 0 ] || not_run 'only root can start commands as other users; try: sudo make test'
    local python=$TARGET_DIR/venv/bin/python
    [ ! -e "$python" ] || export VESTIBULE_TEST_PYTHON=$python
    scripts/with-binary.sh cargo test --locked --test git
}

# The setup phase and the seal, with a real git.
suite_setup() {
    local program
    for program in git git-lfs make openssl nsenter python3; do
        have "$program" || not_run "$program could not be installed"
    done
    in_namespaces setup --show-output
}

suite_docker() {
    engine_answers || not_run 'no Docker engine answers'
    [ "$(uname -m)" = x86_64 ] || not_run 'the images are made for x86_64 only'
    have mmdebstrap || not_run 'mmdebstrap, which makes the images, could not be installed'
    cargo test --locked --test docker -- --show-output
}

suite_fuzz() {
    have c++ || not_run 'a C++ compiler, for the fuzzer, could not be installed'
    scripts/fuzz.sh --smoke 3
}
