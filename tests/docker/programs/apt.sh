# shellcheck shell=bash
# Packages from a repository of its own: installed, upgraded, removed.
repository=/srv/repository
for version in 1.0 2.0; do
    package=/srv/hello-$version
    mkdir -p $package/DEBIAN $package/usr/share/hello $package/var/lib/hello
    cat > $package/DEBIAN/control << END
Package: hello
Version: $version
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: says hello
END
    echo "hello $version" > $package/usr/share/hello/text
    printf '#!/bin/sh\nset -e\ncat /usr/share/hello/text > /var/lib/hello/configured\n' > $package/DEBIAN/postinst
    chmod 755 $package/DEBIAN/postinst
done
publish() {
    mkdir -p $repository
    dpkg-deb --build "/srv/hello-$1" $repository
    (
        cd $repository || exit
        for file in *.deb; do
            dpkg-deb --field "$file"
            echo "Filename: ./$file"
            echo "Size: $(stat -c %s "$file")"
            echo "SHA256: $(sha256sum "$file" | cut -d ' ' -f 1)"
            echo
        done > Packages
    )
    apt-get update
}
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:$repository ./" > /etc/apt/sources.list
publish 1.0
apt-get install --yes hello
same "$(cat /var/lib/hello/configured)" 'hello 1.0'
publish 2.0
apt-get upgrade --yes
same "$(cat /var/lib/hello/configured)" 'hello 2.0'
dpkg --verify hello
apt-get purge --yes hello
apt-get install --yes $repository/hello_2.0_all.deb
tries dpkg --install "$WITHHELD"
tries apt-get -o Dir::Etc::sourcelist="$WITHHELD" update
echo worked
