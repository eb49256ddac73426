"""git over HTTPS for the claims of tests/git, on a loopback address.

Arguments: a directory with cert.pem, key.pem, tokens.json and bare repositories
below repositories/; an address and a port, if it is for others. Prints its port. Each request becomes a line of requests.log:
its path, and `none`, `right` or `wrong` for the credential it came with.
"""

import base64
import http.server
import json
import os
import ssl
import subprocess
import sys

room = sys.argv[1]
with open(os.path.join(room, "tokens.json")) as file:
    tokens = json.load(file)
log = open(os.path.join(room, "requests.log"), "a", buffering=1)


class Git(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def credential(self, owner):
        """How good the request's credential is."""
        header = self.headers.get("Authorization")
        if header is None:
            return "none"
        wanted = f"x-access-token:{tokens.get(owner, '')}".encode()
        given = base64.b64decode(header.removeprefix("Basic "))
        return "right" if owner in tokens and given == wanted else "wrong"

    def answer(self):
        path, _, query = self.path.partition("?")
        owner = path.split("/")[1]
        credential = self.credential(owner)
        log.write(f"{self.headers['Host'].split(':')[0]} {path} {credential}\n")
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self.chunks()
        if path.startswith("/moved/"):
            port = self.server.server_address[1]
            self.reply(302, [("Location", f"https://localhost:{port}/acme/{self.path[7:]}")])
        elif credential == "right" and "/info/lfs/" in path:
            self.large_files(path, body)
        elif credential == "right":
            self.git(path, query, body)
        else:
            self.reply(401, [("WWW-Authenticate", 'Basic realm="repositories of the test"')])

    do_GET = do_POST = answer

    def chunks(self):
        """The body where its length was not said before (RFC 9112, 7.1)."""
        body = b""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return body
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def large_files(self, path, body):
        """The two requests of a download (git-lfs, docs/api)."""
        base, _, rest = path.partition("/info/lfs/")
        if rest != "objects/batch":
            with open(os.path.join(room, "large", rest), "rb") as file:
                return self.reply(200, [], file.read())
        url = f"https://{self.headers['Host']}{base}/info/lfs/"
        objects = json.loads(body)["objects"]
        for entry in objects:
            entry["actions"] = {"download": {"href": url + entry["oid"]}}
        kind = [("Content-Type", "application/vnd.git-lfs+json")]
        return self.reply(200, kind, json.dumps({"objects": objects}).encode())

    def git(self, path, query, body):
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": os.path.join(room, "repositories"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "x-access-token",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=variables, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().splitlines()]
        status = next((int(value[:3]) for name, value in fields if name == "Status"), 200)
        self.reply(status, [pair for pair in fields if pair[0] != "Status"], content)

    def reply(self, status, fields, content=b""):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def handle_error(self, *_):
        """A client that ends in the middle is no news."""


address, port = sys.argv[2:] or ("127.0.0.1", "0")
server = Server((address, int(port)), Git)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(room, "cert.pem"), os.path.join(room, "key.pem"))
# The handshake belongs to the request's own thread: one slow client holds nobody up.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
