#!/bin/bash
# Makes the images that the tests put in place of the public ones, from the
# packages of this machine's Debian, PyPI and crates.io: no image is pulled.
#
# Each image is tagged with a hash of what it is made from, and one that exists
# is left alone. target/docker-images/images.env names them in the variables of
# compose.example.yml. Needs Docker, root (for mmdebstrap) and cargo.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$PWD/target/docker-images
here=$PWD/tests/docker/images
mkdir -p "$work"

# One run at a time: parallel test programs share the images.
exec 9> "$work/lock"
flock 9

say() { printf 'images: %s\n' "$*"; }

# Runs a command silently; only a failure shows what it said.
quietly() {
    local log
    log=$(mktemp "$work/log.XXXXXX")
    if ! "$@" > "$log" 2>&1; then
        say "failed: $*"
        cat "$log"
        return 1
    fi
    rm -f "$log"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# fingerprint FUNCTION FILE...: what an image is made from and how.
fingerprint() {
    local function=$1
    shift
    { declare -f debian import "$function"; cat /dev/null "$@"; } | sha256sum | cut -c1-12
}

exists() { docker image inspect "$1" > /dev/null 2>&1; }

debian_sources() {
    if [ -s /etc/apt/sources.list ]; then
        echo /etc/apt/sources.list
    else
        echo /etc/apt/sources.list.d/debian.sources
    fi
}

install_missing() {
    local missing=()
    command -v mmdebstrap > /dev/null || missing+=(mmdebstrap)
    command -v gcc > /dev/null || missing+=(gcc libc6-dev)
    command -v openssl > /dev/null || missing+=(openssl)
    python3 -m pip --version > /dev/null 2>&1 || missing+=(python3-pip)
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]}"
    quietly as_root apt-get update
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y "${missing[@]}"
}

# debian NAME PACKAGES [HOOK-OPTION...]: a minimal Debian with these packages.
debian() {
    local name=$1 packages=$2
    shift 2
    quietly as_root mmdebstrap --variant=minbase --include="$packages" \
        --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$@" bookworm "$work/$name.tar" "$(debian_sources)"
}

# import IMAGE NAME [INSTRUCTION...]: the tar file becomes an image, and goes.
import() {
    local image=$1 name=$2 base
    shift 2
    base=$(docker import "$work/$name.tar")
    as_root rm -f "$work/$name.tar"
    # A Dockerfile, since `docker import --change` knows no STOPSIGNAL.
    mkdir -p "$work/empty"
    printf '%s\n' "FROM $base" "$@" > "$work/$name.Dockerfile"
    DOCKER_BUILDKIT=0 quietly docker build --tag "$image" --file "$work/$name.Dockerfile" "$work/empty"
    rm -f "$work/$name.Dockerfile"
}

# The compilers of this machine and nothing that a build does not read.
toolchain_image() {
    exists "$1" && return
    say 'building the toolchain image (this machine'\''s Rust, gcc)'
    local root
    root=$(rustc --print sysroot)
    # shellcheck disable=SC2016  # mmdebstrap's shell sets $1.
    debian toolchain gcc,libc6-dev --customize-hook='set -e
        mkdir -p "$1/usr/local/bin" "$1/usr/local/lib/rustlib"
        cd '"'$root'"'
        cp -a bin/cargo bin/rustc "$1/usr/local/bin"
        cp -a lib/*.so* "$1/usr/local/lib"
        cd lib/rustlib
        cp -a x86_64-unknown-linux-gnu x86_64-unknown-linux-musl "$1/usr/local/lib/rustlib"'
    import "$1" toolchain 'ENV CARGO_HOME=/usr/local/cargo' 'ENV CARGO_NET_OFFLINE=true'
}

# The toolchain with every crate of Cargo.lock, so that a build needs no network.
rust_image() {
    exists "$1" && return
    toolchain_image "$2"
    say 'building the rust image (the crates of Cargo.lock)'
    local context=$work/rust
    rm -rf "$context"
    mkdir -p "$context"
    CARGO_HOME=$context/cargo quietly cargo fetch --locked --target x86_64-unknown-linux-musl
    printf 'FROM %s\nCOPY cargo /usr/local/cargo\n' "$2" > "$context/Dockerfile"
    DOCKER_BUILDKIT=0 quietly docker build --tag "$1" "$context"
    rm -rf "$context"
}

# Users and ids are those of the official images.
postgres_image() {
    exists "$1" && return
    say 'building the postgres image'
    # shellcheck disable=SC2016
    debian postgres postgresql-15 \
        --essential-hook='set -e
            mkdir -p "$1/etc/postgresql-common"
            echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"
            echo postgres:x:999: >> "$1/etc/group"
            echo postgres:x:999:999::/var/lib/postgresql:/bin/bash >> "$1/etc/passwd"' \
        --customize-hook='copy-in '"$here"'/postgres/docker-entrypoint.sh /usr/local/bin' \
        --customize-hook='set -e
            install -d -o 999 -g 999 -m 1777 "$1/var/lib/postgresql/data"
            install -d -o 999 -g 999 -m 3777 "$1/run/postgresql"'
    import "$1" postgres \
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin' \
        'ENV PGDATA=/var/lib/postgresql/data' 'VOLUME /var/lib/postgresql/data' \
        'STOPSIGNAL SIGINT' 'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["postgres"]'
}

redis_image() {
    exists "$1" && return
    say 'building the redis image'
    # shellcheck disable=SC2016
    debian redis redis-server,redis-tools \
        --essential-hook='set -e
            echo redis:x:999: >> "$1/etc/group"
            echo redis:x:999:999::/var/lib/redis:/bin/sh >> "$1/etc/passwd"' \
        --customize-hook='install -d -o 999 -g 999 "$1/data"'
    import "$1" redis 'WORKDIR /data' 'VOLUME /data' 'CMD ["redis-server"]'
}

# Compiled without optimisation: it serves a handful of requests.
s3_server() {
    [ -x "$work/s3s-fs/bin/s3s-fs" ] && return
    say 'compiling s3s-fs, the S3 server that stands in for MinIO'
    CARGO_TARGET_DIR=$work/s3s-fs/target CARGO_PROFILE_DEV_DEBUG=0 quietly \
        cargo install --debug --locked --version 0.14.1 --features binary \
        --root "$work/s3s-fs" s3s-fs
    rm -rf "$work/s3s-fs/target"
}

# The *_FILE variables are the public image's: relative names of secrets that
# need not exist. Whoever is PID 1 there has to bear them.
minio_image() {
    exists "$1" && return
    s3_server
    say 'building the minio image'
    debian minio libgcc-s1 \
        --customize-hook="copy-in $here/minio/minio $here/minio/mc $work/s3s-fs/bin/s3s-fs /usr/local/bin"
    import "$1" minio 'VOLUME /data' 'ENV MC_CONFIG_DIR=/tmp/.mc' \
        'ENV MINIO_ROOT_USER_FILE=access_key' 'ENV MINIO_ROOT_PASSWORD_FILE=secret_key' \
        'ENV MINIO_CONFIG_ENV_FILE=config.env' 'CMD ["minio"]'
}

app_image() {
    exists "$1" && return
    say 'building the app image (Python and the official clients)'
    rm -rf "$work/python"
    # async-timeout: redis needs it before Python 3.11.3, and pip goes by its own.
    quietly python3 -m pip install --target "$work/python" --no-compile --only-binary=:all: \
        --implementation cp --python-version 3.11 \
        --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 \
        --requirement "$PWD/examples/stack/requirements.txt" async-timeout==5.0.1
    # shellcheck disable=SC2016
    debian app python3,ca-certificates \
        --customize-hook='cp -r '"'$work/python'"'/. "$1/usr/local/lib/python3.11/dist-packages"' \
        --customize-hook='chroot "$1" python3 -m compileall -q /usr/local/lib/python3.11/dist-packages/'
    rm -rf "$work/python"
    import "$1" app 'CMD ["python3"]'
}

# What people run in containers besides servers. The Java package sets links in
# a directory that the options above leave out.
programs_image() {
    exists "$1" && return
    say 'building the programs image (apt, pip, git, nginx, tmux, java, other inits)'
    # shellcheck disable=SC2016
    debian programs python3-venv,git,nginx-light,tmux,openjdk-17-jre-headless,tini,gosu,systemd \
        --essential-hook='set -e
            mkdir -p "$1/usr/share/man/man1"
            echo app:x:1000: >> "$1/etc/group"
            echo app:x:1000:1000::/home/app:/bin/bash >> "$1/etc/passwd"' \
        --customize-hook='install -d -o 1000 -g 1000 "$1/home/app"'
    import "$1" programs 'CMD ["bash"]'
}

# What an agent's workspace stands on, and the server that it clones from. The
# certificate is for a name that only the test's own network gives to that
# server; no other image trusts it.
workspace_images() {
    exists "$1" && exists "$2" && return
    say 'building the workspace image and its git server'
    local context=$work/git
    rm -rf "$context"
    mkdir -p "$context"
    quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -days 3650 -subj /CN=test -addext subjectAltName=DNS:github.com \
        -keyout "$context/key.pem" -out "$context/cert.pem"
    # shellcheck disable=SC2016
    debian workspace git,git-lfs,make,python3,ca-certificates \
        --customize-hook='cat '"'$context/cert.pem'"' >> "$1/etc/ssl/certs/ca-certificates.crt"'
    import "$1" workspace 'CMD ["sh"]'
    cp "$here"/git/* "$PWD/tests/git/https.py" "$context"
    DOCKER_BUILDKIT=0 quietly docker build --build-arg BASE="$1" --tag "$2" "$context"
    rm -rf "$context"
}

install_missing
compiler=$(rustc --version | sha256sum | cut -c1-6)
TOOLCHAIN_IMAGE=vestibule-test-toolchain:$(fingerprint toolchain_image)-$compiler
RUST_IMAGE=vestibule-test-rust:$(fingerprint rust_image Cargo.lock)-${TOOLCHAIN_IMAGE#*:}
POSTGRES_IMAGE=vestibule-test-postgres:$(fingerprint postgres_image "$here"/postgres/*)
REDIS_IMAGE=vestibule-test-redis:$(fingerprint redis_image)
MINIO_IMAGE=vestibule-test-minio:$(fingerprint minio_image "$here"/minio/*)
APP_IMAGE=vestibule-test-app:$(fingerprint app_image examples/stack/requirements.txt)
PROGRAMS_IMAGE=vestibule-test-programs:$(fingerprint programs_image)
WORKSPACE_IMAGE=vestibule-test-workspace:$(fingerprint workspace_images "$here"/git/* tests/git/https.py)
GIT_SERVER_IMAGE=vestibule-test-git:${WORKSPACE_IMAGE#*:}

# Three lanes: the compiler needs the cores, mmdebstrap mostly waits for one.
minio_image "$MINIO_IMAGE" &
compiled=$!
programs_image "$PROGRAMS_IMAGE" &
unpacked=$!
rust_image "$RUST_IMAGE" "$TOOLCHAIN_IMAGE"
postgres_image "$POSTGRES_IMAGE"
redis_image "$REDIS_IMAGE"
app_image "$APP_IMAGE"
workspace_images "$WORKSPACE_IMAGE" "$GIT_SERVER_IMAGE"
wait "$compiled"
wait "$unpacked"

for variable in RUST_IMAGE POSTGRES_IMAGE REDIS_IMAGE MINIO_IMAGE APP_IMAGE PROGRAMS_IMAGE WORKSPACE_IMAGE GIT_SERVER_IMAGE; do
    printf '%s=%s\n' "$variable" "${!variable}"
done > "$work/images.env"
say "ready ($SECONDS s), named in target/docker-images/images.env"
