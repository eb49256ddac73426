#!/usr/bin/env bash
# Builds and installs below $DESTDIR$PREFIX. The program gets mode 0111: who may
# not read it may not read the memory of its process either.
source "$(dirname "$0")/lib.sh"

root=${DESTDIR:-}${PREFIX:-/usr/local}

# put MODE FILE PLACE: what this version has; a file that it lacks is left out.
put() {
    [ -e "$2" ] || return 0
    install -D -m "$1" "$2" "$root/$3"
    echo "$root/$3"
}

put 0111 "$(VESTIBULE_PROFILE=release scripts/build.sh | tail -n 1)" bin/vestibule
put 0644 docs/vestibule.1 share/man/man1/vestibule.1
put 0644 completions/vestibule.bash share/bash-completion/completions/vestibule
put 0644 completions/_vestibule share/zsh/site-functions/_vestibule
put 0644 completions/vestibule.fish share/fish/vendor_completions.d/vestibule.fish
for schema in policy.schema.json docs/policy.schema.json; do
    put 0644 "$schema" share/vestibule/policy.schema.json
done
