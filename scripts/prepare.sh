#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: Debian packages, and in
# target/venv the official client libraries and a validator of schemas. Says
# what could not be had.
source "$(dirname "$0")/lib.sh"

# What is looked for, and the package that has it.
needed() {
    cat << 'END'
gcc                             gcc
c++                             g++
readelf                         binutils
unshare                         util-linux
strace                          strace
redis-server                    redis-server
tini                            tini
dumb-init                       dumb-init
catatonit                       catatonit
gosu                            gosu
git                             git
openssl                         openssl
git-lfs                         git-lfs
make                            make
nsenter                         util-linux
ssh-agent                       openssh-client
/usr/sbin/sshd                  openssh-server
qemu-aarch64-static             qemu-user-static
zsh                             zsh
fish                            fish
/usr/lib/x86_64-linux-gnu/libc.a libc6-dev
END
    if engine_answers; then
        echo 'mmdebstrap mmdebstrap'
    fi
}

missing_packages() {
    local what package
    while read -r what package; do
        case $what in
            */x86_64-*) [ "$(uname -m)" != x86_64 ] || [ -e "$what" ] || echo "$package" ;;
            /usr/sbin/*) [ -x "$what" ] || echo "$package" ;;
            *) have "$what" || echo "$package" ;;
        esac
    done < <(needed)
    python3 -c 'import ensurepip, venv' 2> /dev/null || echo python3-venv
}

install_packages() {
    local packages
    mapfile -t packages < <(missing_packages | sort -u)
    [ ${#packages[@]} = 0 ] && return
    say "installing ${packages[*]}"
    if ! have apt-get; then
        complain 'this is no Debian: install them by hand'
    elif ! quietly as_root apt-get update ||
        ! quietly as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y --no-install-recommends "${packages[@]}"; then
        complain "could not install ${packages[*]}"
    fi
}

# A virtual environment with exactly the pinned clients, made anew when the pins
# change.
install_clients() {
    local venv=$TARGET_DIR/venv pins=tests/clients/requirements.txt
    cmp -s "$pins" "$venv/pins" && return
    say 'installing the client libraries into target/venv'
    rm -rf "$venv"
    mkdir -p "$TARGET_DIR"
    if quietly python3 -m venv "$venv" &&
        quietly "$venv/bin/pip" install --quiet --requirement "$pins"; then
        cp "$pins" "$venv/pins"
    else
        complain 'could not install the client libraries'
    fi
}

install_packages
install_clients
