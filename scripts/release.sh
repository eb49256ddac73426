#!/usr/bin/env bash
# release.sh [TAG]: everything that a release consists of, in
# target/release-artifacts, the same bytes whoever makes it. With a tag it has to
# be the version's, and CHANGELOG.md has to date it.
source "$(dirname "$0")/lib.sh"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)
out=$TARGET_DIR/release-artifacts
stage=$TARGET_DIR/release-stage
# The time inside the archives: the last commit's.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || echo 0)}
export SOURCE_DATE_EPOCH
umask 022

targets=(x86_64-unknown-linux-musl aarch64-unknown-linux-musl)
# What the archives call the machines, and what Docker does.
declare -A docker_name=([x86_64]=amd64 [aarch64]=arm64)

insist_on_tag() {
    if [ "$1" != "v$version" ]; then
        complain "the tag is $1, and Cargo.toml has the version $version"
        exit 1
    elif ! grep -qE "^## ${version//./\\.} - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md; then
        complain "CHANGELOG.md has no line \`## $version - YYYY-MM-DD\`"
        exit 1
    fi
}

# archive FILE MODE DIRECTORY PATH...: adds to a tar file that is the same for
# everybody. The mode is set here: whoever is not root cannot read a file of 0111.
archive() {
    local file=$1 mode=$2 directory=$3
    shift 3
    tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner \
        --mtime="@$SOURCE_DATE_EPOCH" --mode="$mode" -C "$directory" -rf "$file" "$@"
}

compress() { gzip -n -9 "$1"; }

# For people: the program as a file that they can read, check and install.
pack_machine() {
    local machine=$1 name=vestibule-$version-$1 top file
    top=$stage/$name
    install -D -m 0755 "$out/$name" "$top/vestibule"
    for file in LICENSE-APACHE LICENSE-MIT CHANGELOG.md docs/vestibule.1 policy.schema.json \
        docs/policy.schema.json completions/vestibule.bash completions/_vestibule completions/vestibule.fish; do
        [ ! -e "$file" ] || install -D -m 0644 "$file" "$top/${file#docs/}"
    done
    archive "$out/$name.tar" u=rwX,go=rX "$stage" "$name"
    compress "$out/$name.tar"
}

# For images: a build context with both binaries in the mode they have there.
pack_image() {
    local tar=$out/vestibule-$version-image.tar machine
    archive "$tar" 0644 scripts/release Dockerfile
    for machine in "${!docker_name[@]}"; do
        install -D -m 0755 "$out/vestibule-$version-$machine" "$stage/${docker_name[$machine]}/vestibule"
    done
    archive "$tar" 0111 "$stage" amd64/vestibule arm64/vestibule
    compress "$tar"
}

[ $# = 0 ] || insist_on_tag "$1"
rm -rf "$out" "$stage"
mkdir -p "$out"
for target in "${targets[@]}"; do
    has_component target "$target" || { complain "the target $target is missing: rustup target add $target"; exit 1; }
done
release_build "${targets[@]}" > /dev/null
for target in "${targets[@]}"; do
    machine=${target%%-*}
    install -m 0755 "$TARGET_DIR/$target/release/vestibule" "$out/vestibule-$version-$machine"
    pack_machine "$machine"
done
pack_image
python3 scripts/release/sbom.py > "$out/vestibule-$version.cdx.json"
rm -rf "$stage"
cd "$out"
sha256sum -- vestibule-* > SHA256SUMS
cat SHA256SUMS
