#!/usr/bin/env bash
# The main job on made-up secrets: what a process sees behind the usual shell
# entrypoint, and what it sees behind vestibule. In a container if a Docker
# engine answers, else in fresh namespaces. Nothing is downloaded but crates.
source "$(dirname "$0")/lib.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/vestibule-demo.XXXXXX")
root=$work/root
image=
cleanup() {
    [ -z "$image" ] || docker image rm --force "$image" > /dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

# --- what it takes ------------------------------------------------------------

compile_child() {
    local target=$GNU
    [[ $binary == *musl* ]] && target=$MUSL
    rustc --edition 2024 --target "$target" -C target-feature=+crt-static -C opt-level=s -C strip=symbols \
        -o "$root/child" scripts/demo/child.rs
}

# A program of this machine, with the libraries that it loads: the "before"
# half needs a shell and `cat`.
copy_program() {
    local program library
    program=$(command -v "$1")
    cp -L "$program" "$root/bin/$1"
    for library in $(ldd "$program" 2> /dev/null | grep -o '/[^ ]*'); do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
}

make_root() {
    mkdir -p "$root"/{bin,dev/shm,etc,proc,run/secrets,tmp}
    install -m 0555 "$binary" "$root/vestibule"
    compile_child
    copy_program sh
    copy_program cat
    install -m 0555 scripts/demo/entrypoint.sh "$root/entrypoint.sh"
    printf 'root:x:0:0::/root:\napp:x:10001:10001::/tmp:\n' > "$root/etc/passwd"
    printf 'root:x:0:\napp:x:10001:\n' > "$root/etc/group"
}

# Passwords as people choose them: with what a URL gives a meaning to.
make_secrets() {
    secrets=$work/secrets
    mkdir -m 0755 "$secrets"
    printf '%s\n' 'k8/Nq#v@2:xL%41' > "$secrets/db-password.secret"
    printf '%s\n' 'r3d!s & friends' > "$secrets/redis-password.secret"
    printf '%s\n' 'not-a-real-anthropic-key' > "$secrets/anthropic-api-key"
    printf '%s\n' 'not-a-real-github-token' > "$secrets/github-token"
    chmod 0400 "$secrets"/*
}

variables=(PATH=/bin:/usr/bin POSTGRES_USER=app POSTGRES_DB=app)

in_container() {
    docker run --rm --network none "${variables[@]/#/--env=}" \
        --volume "$secrets:/run/secrets:ro" --volume "$policies:/etc/vestibule:ro" "$image" "$@"
}

in_namespaces() {
    local map=()
    [ "$(id -u)" = 0 ] || map=(--user --map-root-user)
    # shellcheck disable=SC2016  # the inner shell expands these
    unshare "${map[@]}" --mount --pid --fork --kill-child --uts --ipc --net sh -euc '
        root=$1 secrets=$2 policies=$3
        shift 3
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
        mount --bind "$secrets" "$root/run/secrets"
        mkdir -p "$root/etc/vestibule"
        mount --bind "$policies" "$root/etc/vestibule"
        exec chroot "$root" /bin/env -i "$@"' \
        sh "$root" "$secrets" "$policies" "${variables[@]}" "$@"
}

choose_place() {
    mkdir -m 0755 "$work/no-policy" "$work/policy"
    policies=$work/no-policy
    if engine_answers && image=$(tar -C "$root" -c . | docker import - 2> /dev/null) &&
        in_container /child > /dev/null 2>&1; then
        run=in_container
        place="a container made here (Docker $(docker version --format '{{.Server.Version}}')), no image pulled"
    elif copy_program env && image= && in_namespaces /child > /dev/null 2> "$work/why"; then
        run=in_namespaces
        place='fresh namespaces (no Docker engine answers)'
    else
        complain 'the demo needs a Docker engine, or unshare(1) as root or with user namespaces allowed'
        [ ! -s "$work/why" ] || complain "fresh namespaces: $(tail -n 1 "$work/why")"
        exit 1
    fi
}

# --- what it shows --------------------------------------------------------------

heading() { printf '\n%s%s%s\n' "$BOLD" "$1" "$PLAIN"; }
note() { printf '  %s\n' "$@"; }
command_line() { printf '  %s$ %s%s\n\n' "$DIM" "$*" "$PLAIN"; }

# Breaks long lines between words; what follows stands two columns deeper.
wrap() {
    awk -v width=92 '{
        match($0, /^ */)
        indent = sprintf("%*s", RLENGTH + 4, "")
        if (length($0) <= width) { print "    " $0; next }
        line = ""
        for (i = 1; i <= NF; i++) {
            if (line != "" && length(line) + length($i) + 1 > width) {
                print indent line
                line = "  " $i
            } else {
                line = line (line == "" ? "" : " ") $i
            }
        }
        print indent line
    }'
}

# show NAME COMMAND...: what vestibule says, then what the child sees.
show() {
    local name=$1 status=0
    shift
    "$run" "$@" > "$work/$name.out" 2> "$work/$name.err" || status=$?
    if [ -s "$work/$name.err" ]; then
        printf '%s' "$YELLOW"
        wrap < "$work/$name.err"
        printf '%s\n' "$PLAIN"
    fi
    grep -v '^FACTS' "$work/$name.out" || true
    grep '^FACTS' "$work/$name.out" > "$work/$name.facts" || true
    [ "$status" = 0 ] || note "  exit code $status"
}

fact() { cut -f "$2" "$work/$1.facts"; }

row() { printf '  %-28s %-20s %-14s %s\n' "$@"; }

table() {
    row '' 'shell entrypoint' 'vestibule' 'vestibule + policy'
    row '' '----------------' '---------' '------------------'
    local line=2 label
    for label in 'PID 1 is' 'the application runs as uid' 'its DATABASE_URL is' 'a Git token in its variables' 'secret files it can read'; do
        row "$label" "$(fact before "$line")" "$(fact after "$line")" "$(fact policy "$line")"
        line=$((line + 1))
    done
}

printf '%svestibule demo%s: building the static binary ...\n' "$BOLD" "$PLAIN"
binary=$(VESTIBULE_PROFILE=release scripts/build.sh | tail -n 1)
make_root
make_secrets
choose_place
note "$(du -k "$binary" | cut -f 1) kB, in $place"

heading '1  What is mounted'
for file in "$secrets"/*; do
    note "$(printf '/run/secrets/%-24s mode %s' "${file##*/}" "$(stat -c '%a' "$file")")"
done
note 'The database password holds / # @ : and %41, which mean something in a URL.'

heading '2  Before: the shell entrypoint that most images have'
command_line "/entrypoint.sh /child        # $(grep -c "^export" scripts/demo/entrypoint.sh) times export X=\"\$(cat /run/secrets/...)\", then exec"
show before /entrypoint.sh /child

heading '3  After: vestibule in its place, no configuration'
command_line '/vestibule -- /child'
show after /vestibule -- /child

heading '4  With a policy: another user, and one secret only'
if [ "$run" = in_namespaces ] && [ "$(id -u)" != 0 ]; then
    note 'An ordinary user has one uid to give away, so this run leaves "user" out.'
    sed 's/"user": "app", "env"/"env"/' scripts/demo/policy.json > "$work/policy/policy.json"
else
    cp scripts/demo/policy.json "$work/policy/policy.json"
fi
grep '"run"' "$work/policy/policy.json"
policies=$work/policy
command_line '/vestibule -- /child'
show policy /vestibule -- /child

heading '5  A refusal: the database password is empty'
note 'A shell goes on with an empty password. vestibule starts nothing and ends with code 100.'
chmod u+w "$secrets/db-password.secret"
: > "$secrets/db-password.secret"
chmod 0400 "$secrets/db-password.secret"
policies=$work/no-policy
command_line '/vestibule -- /child'
show refusal /vestibule -- /child

heading 'Before and after'
table
printf '\n  %sWhat it does not protect against: README.md. Next: make test%s\n' "$DIM" "$PLAIN"
