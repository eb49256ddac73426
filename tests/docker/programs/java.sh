# shellcheck shell=bash
# A virtual machine makes a key, stores it, reads it again.
key() { keytool -keystore keys.p12 -storepass changeit -alias key "$@"; }
key -genkeypair -keyalg RSA -keysize 2048 -dname CN=somebody -validity 10
key -exportcert -file key.der
keytool -printcert -file key.der | grep CN=somebody
key -list | grep PrivateKeyEntry
java -Xlog:gc:file=gc.txt -version
grep Using gc.txt
tries keytool -printcert -file "$WITHHELD"
echo worked
