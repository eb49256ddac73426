#!/usr/bin/env bash
# Makes the release a second time, from a copy of the sources in another
# directory, with another home for cargo, and compares all of it. Run release.sh
# before.
source "$(dirname "$0")/lib.sh"

first=$TARGET_DIR/release-artifacts/SHA256SUMS
[ -e "$first" ] || { complain 'there is nothing to compare with: make release'; exit 1; }
elsewhere=$(mktemp -d "${TMPDIR:-/tmp}/vestibule-again.XXXXXX")
trap 'rm -rf "$elsewhere"' EXIT

# What is committed or will be, as it is here.
mkdir -p "$elsewhere/another/place"
git ls-files -z --cached --others --exclude-standard |
    tar --null --ignore-failed-read --warning=no-failed-read -T - -cf - | tar -C "$elsewhere/another/place" -xf -

# The same crates by another path; whatever else cargo keeps there stays out.
mkdir "$elsewhere/cargo"
for kept in "${CARGO_HOME:-$HOME/.cargo}"/{registry,config,config.toml}; do
    [ ! -e "$kept" ] || ln -s "$kept" "$elsewhere/cargo/"
done

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
cd "$elsewhere/another/place"
env CARGO_HOME="$elsewhere/cargo" CARGO_TARGET_DIR="$elsewhere/built" SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" \
    TZ=Asia/Kathmandu LC_ALL=C scripts/release.sh > /dev/null
diff "$first" "$elsewhere/built/release-artifacts/SHA256SUMS"
echo "the same bytes: $(wc -l < "$first") files, built in two places"
