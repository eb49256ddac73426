# shellcheck shell=bash
# A server that reloads twice, by a signal and by its own command, which reads
# the pid file. Its workers are another user.
site=$(mktemp -d)
chmod 0755 "$site"
cd "$site" || exit
serve() {
    cat > nginx.conf << END
user www-data;
worker_processes 2;
pid $PID_FILE;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path $site/body;
    proxy_temp_path $site/proxy;
    fastcgi_temp_path $site/fastcgi;
    uwsgi_temp_path $site/uwsgi;
    scgi_temp_path $site/scgi;
    server {
        listen 127.0.0.1:8080;
        location / { root $site/$1; }
        location /withheld { alias $WITHHELD; }
    }
}
END
}
get() {
    python3 -c 'import sys, urllib.request
try:
    print(urllib.request.urlopen("http://127.0.0.1:8080" + sys.argv[1]).read().decode().strip())
except urllib.error.HTTPError as error:
    print("Permission denied" if error.code == 403 else error)' "$1"
}
serves() { [ "$(get /)" = "$1" ]; }
for name in one two three; do
    mkdir "$name"
    echo "$name" > "$name/index.html"
done
serve one
nginx -c "$site/nginx.conf"
await serves one
serve two
kill -HUP "$(cat "$PID_FILE")"
await serves two
serve three
nginx -c "$site/nginx.conf" -s reload
await serves three
tries get /withheld
tries nginx -t -c "$WITHHELD"
nginx -c "$site/nginx.conf" -s quit
await test ! -e "$PID_FILE"
echo worked
