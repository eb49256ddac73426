#!/bin/sh
# Makes a private repository with a submodule and a large file, and serves it as
# https://github.com/acme/... to who has the token in TOKEN.
set -eu
cd /srv
export HOME=/srv GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
printf '{"acme": "%s"}' "$TOKEN" > tokens.json
mkdir -p large repositories/acme

# publish NAME: the directory as a bare repository.
publish() {
    git -C "$1" init -q -b main
    git -C "$1" add .
    [ "$1" != app ] || git -C app update-index --add --cacheinfo "160000,$(git -C library rev-parse HEAD),library"
    git -C "$1" commit -q -m first
    git clone -q --bare "$1" "repositories/acme/$1.git"
    git -C "repositories/acme/$1.git" config http.receivepack true
}

mkdir library app
echo 'of the library' > library/code
publish library
seq 1000 > large/content
id=$(sha256sum large/content | cut -d ' ' -f 1)
size=$(stat -c %s large/content)
mv large/content "large/$id"
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %s\n' "$id" "$size" > app/numbers.bin
printf '*.bin filter=lfs -text\n' > app/.gitattributes
printf '[submodule "library"]\n\tpath = library\n\turl = ../library.git\n' > app/.gitmodules
printf 'all:\n\tcat library/code numbers.bin > out\n' > app/Makefile
publish app
exec python3 https.py /srv 0.0.0.0 443
