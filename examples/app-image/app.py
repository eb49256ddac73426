"""The application of these examples. It knows nothing of vestibule: it says what
it was given and what it can read, once more on HUP, and answers on port 8080
until it is stopped.

`app.py --once` ends after it has said so; `app.py --health` asks the one that
runs. No value is printed.
"""

import http.server
import os
import pathlib
import signal
import sys
import urllib.request
from urllib.parse import urlsplit

PORT = 8080
# Where Compose, Swarm and the Kubernetes example mount secrets.
PLACES = ["/run/secrets", "/secrets", os.environ.get("CREDENTIALS_DIRECTORY", "")]
CREDENTIALS = ("_URL", "_KEY", "_TOKEN", "_PASSWORD", "FILE")


def say(*words):
    print("app:", *words, flush=True)


def introduce():
    say("runs as uid", os.getuid())
    say("has", *(sorted(n for n in os.environ if n.endswith(CREDENTIALS)) or ["no credential"]))
    if url := os.environ.get("DATABASE_URL"):
        say("connects to the host", urlsplit(url).hostname)
    for place in filter(None, PLACES):
        for path in sorted(pathlib.Path(place).glob("[!.]*")):
            if not path.is_dir():
                say("can" if can_read(path) else "cannot", "read", path)


def can_read(path):
    try:
        return path.read_bytes() is not None
    except OSError:
        return False


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ready\n")

    def log_message(self, *_):
        """Health checks are not worth a line each."""


def stop(*_):
    say("stopped")
    sys.exit(0)


def main():
    if "--health" in sys.argv:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}", timeout=2)
        return
    introduce()
    if "--once" in sys.argv:
        return
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, lambda *_: introduce())
    http.server.ThreadingHTTPServer(("", PORT), Answer).serve_forever()


if __name__ == "__main__":
    main()
