"""Policies to judge: bases, texts to put into them, and those that stand around.

A base is right in itself. `POOLS` has, for each definition of the schema, texts
at the border of what it allows, right and wrong ones.
"""

import json
import re

LONG = "x" * 255
SIGNALS = ["TERM", "SIGTERM", "sigterm", "Hup", "15", "015", "9", "09", "KILL", "sigkill", "STOP", "19", "ILL", "4",
           "FPE", "8", "SEGV", "11", "0", "00", "64", "65", "1", "", "none", "None", "0none", "IOT", "CLD", "POLL",
           "IO", "PWR", "SYS", "STKFLT", "WINCH", "RTMIN", "SIGRTMIN+3", "rtmin+30", "RTMIN+31", "RTMIN+", "RTMIN-1",
           "RTMIN+030", "RTMAX", "RTMAX-30", "RTMAX-31", "RTMAX+1", "TREM", "32", "33", "40", "256", "TERM\n", " TERM",
           "ABRT", "BUS", "USR1", "USR2", "PIPE", "ALRM", "CHLD", "CONT", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
           "VTALRM", "PROF", "QUIT", "INT", "TRAP", "2", "3", "10", "12", "18", "20", "59", "60", "\u017fIGTERM"]
NAMES = ["db", "a b", "", ".hidden", "..", "a/b", "a.b", "a:b", "a#b", "p\u00e4ss", LONG, LONG + "x", "\u00e4" * 200, "a\n", "\n",
         "a\x7f", "a\x85", "a\u2028", "${A}", "a${", "$${A}", "$", "vault:x", "vault", "op://a/b", "arn:aws:ssm:x", "arn:aws:s3:x",
         "ENC[x", "enc[x", "sops:", "fernet:x", "gcp:secretmanager:x", "sm://x", "berglas://x", "file:x", "env:X",
         "dotenv:f#K", "json:f#/a", "command:/x", "commands:x", "cache", "cache.password", "cache.conf", "cache.nope",
         "cache.", "plain", "from-command", "nowhere.url", "arn:aws:secretsmanager:x", "x\x00"]
EXPANSIONS = ["${A}", "${A:-x}", "${A:-}", "${EMPTY}", "${POSTGRES_PORT}", "${A:-8s}", "$${A}", "$${", "${", "${A", "${}", "${A-b}",
              "${1A}", "${A:-${B}}", "${A:-$}", "${A:-a$b}", "${A:-$${B}}", "$A", "$", "$$", "$$$", "x$", "$$${A:-x}", "${DB_PASSWORD}",
              "${PLAIN}", "${PLAIN:-x}", "a${A:-b}c${A:-d}", "${A:-a\nb}", "a\n${A:-b}", "${A:-\x00}", "${A:-b}}", "{A}", "${A}${",
              "${TRICK}"]
PATHS = ["/", "/a", "a", "", "./a", "/a\n", "/\x00", "/${A:-x}", "${DIRECTORY}", "${DIRECTORY}/x", "x${DIRECTORY}", "$/a", "${A:-x}", "/$${A}"]
PORTS = ["1", "65535", "65536", "0", "00", "007", "99999", "0065535", "+1", "-1", " 1", "1 ", "", "1.0", "x", "1\n", "\u0663", "00000000065535"]
HOSTS = ["db", "db.internal", "DB", "a_b", "_a", "a-b", "-a", "a-", "a.", "a..", ".a", "a..b", "", " ", "a b", "a,b", "a,", ",", "a,,b",
         "a:1", "a:0", "a:65535", "a:65536", "a:", ":1", "a:1:2", "a:01", "a:+1", "::1", "[::1]", "[::1]:7", "[::1", "[::1]x", "[::1]:",
         "::g", "1:2:3", "fe80::1%eth0", "1.2.3.4", "1.2.3", "1.2.3.4.", "0x7f.1", "0x7f", "2130706433", "127.1", "a.1", "1.a", "/run/s",
         "/", "/a:b", "/a,b", "/a\n", "/a$b", "/$${A}", "/${A:-b}", "a/b", "me@db", "me:pw@db", "\u00e4.de", "xn--4ca.de", "xn--a", "db\n",
         "db\x00", "a" * 63, "a" * 64, ".".join(["a" * 60] * 4), ".".join(["a" * 60] * 5), "a:1,b:2", "a:1,b", "::1,[::2]:3", "::ffff:1.2.3.4", "[1.2.3.4]", "%41", "a%", "[]", "[:]",
         "::", "a\\b", "a?b", "a#b", "db;", "/x,db"]
TEXTS = ["a", "a b", "", " ", "a\n", "\t", "\x7f", "\x85", "\x00", "\u00e4", "\U0001f600", "a@b", "a:b", "..", ".", "a/b", "/", "//", "a/../b", "/a/..",
         "%2e%2e", "a?b#c", "default", "7", "65536", "065535", "-1", "\u2028", "1e3", "a%b"]
VARIABLES = ["A", "_", "a1_B", "", "1A", "A-B", "A.B", "A B", "A\n", "\u00e4", "PATH", "HOME", "PATHS", "XPATH", "home", "path", "LD_PRELOAD", "LD_",
             "ld_x", "LD", "XLD_", "PATH\n", "A=B", "A\x00"]
ADDRESSES = ["https://h", "https://h/", "https://h/a", "https://h/a/", "https://h/a//b", "https://h:443/a.git", "https://h:0", "https://h:65536", "https://h:",
             "https://h:080", "http://h", "HTTPS://h", "https:/h", "https://", "https:///h", "https://me@h", "https://me:pw@h/a", "https://h?q",
             "https://h#f", "https://h/a?q", "https://h./a", "https://h..x", "https://-h", "https://h_x/a", "https://h/../a", "https://h/a/.", "https://h/%2e", "https://h/a%2fb",
             "https://h/a b", "https://h/a%20b", "https://h/%ff", "https://h/a;b", "https://h/.;b", "https://h/a\\b", "https://h/a\nb", "https://h/\u00e4",
             "https://\u00e4.de", "https://[::1]/a", "https://[::1]:7/a", "https://[::g]", "https://1.2.3.4", "https://0x7f.1/a", "https://1.2.3",
             "https://xn--a/x", " https://h", "https://h ", "https://h/a@b", "https://h/a:b", "https://h/a[b]", "https://h/%", "https://h/%zz", "https://h/~a"]
SOURCES = [form + rest for form in ("file:", "env:", "dotenv:", "json:", "command:", "", "files:", "FILE:", "op://", "vault:", "x:")
           for rest in ("", "a", "A", "a/b", "a//b", "/a", "a/", ".a", "a/.b", "a#K", "a#", "#K", "a#K=V", "a#K K", "a#K\u00a0", "a#K\u2028", "a#K#L", "a/b#K", ".a#K", "a#/", "a#/a~0",
                        "a#/a~", "a#/~2", "a#p", "a#/a b", "a#/#", "a#/\n", "/x", "/x y", "/x 'y'", "/x\\y", "/x \"y", "/", " /x", "/x\n", "${A}", "a${", "/x${A}", "a#${A}", "a\n",
                        "1A", "A-B", "A\n", "env:A", "vault:a", "vault:a#K", "json:a#/b", "a\x00", "/x\x00", "a#/\x00", LONG, LONG + "x", "a/" + LONG + "x", "a#\x7f", "a\x85")]

POOLS = {
    "word": TEXTS + EXPANSIONS,
    "text": TEXTS + EXPANSIONS,
    "absolutePath": PATHS + EXPANSIONS,
    "duration": ["8s", "0s", "500ms", "2m", "1h", "8760h", "8761h", "8", "", "s", "-8s", "+8s", "1.5s", "1m30s", "8 s", "8S", "8d", "8s\n", "\u0663s",
                 "99999999999999999999s", "00008s", *EXPANSIONS],
    "identity": ["app", "app:app", "1000", "1000:1000", "app:1000", "0", "007", "0day", "", ":", "app:", ":app", "a:b:c", "_apt", "Machine$", "$", "a$:b$", "a$b", "a b",
                 "a.b", "-a", ".a", "+0", "-1", "4294967294", "4294967295", "4294967296", "99999999999", "0004294967294", "\u00e4", "a\n", "1.5", *EXPANSIONS],
    "secretName": NAMES,
    "reference": NAMES,
    "secrets": NAMES,
    "connections": ["a", "a-b", "a_b", "A1", "", "a.b", "a b", "a/b", "\u00e4", "a\n", "-", "plain", "database.host"],
    "profiles": ["", "a", "a b", "\n", "${A}", "\u00e4"],
    "variable": VARIABLES,
    "inheritable": [*VARIABLES, "*", "A*", "A**", "*A", "LC_*", "1*", "A*B", "**", "A*\n", ""],
    "capability": ["NET_BIND_SERVICE", "CAP_NET_BIND_SERVICE", "cap_net_bind_service", "Cap_Kill", "KILL", "kill", "CAP_", "", "CAP_CAP_KILL", "NET_BIND", "KILL ", "ALL",
                   "KILL\n", "\u017fyslog", "K\u0130LL", "k\u0131ll", "CAP_KILLS", "SYS_ADMIN", "bpf", "CHECKPOINT_RESTORE"],
    "arrivingSignal": SIGNALS,
    "sentSignal": SIGNALS,
    "limit": ["unlimited", "Unlimited", "infinity", "", "5", "${A}"],
    "source": SOURCES,
    "gitAddress": ADDRESSES,
    "port": PORTS + EXPANSIONS,
    "hosts": HOSTS + EXPANSIONS,
    "hostOrSocket": HOSTS + EXPANSIONS,
    "hostsWithoutSocket": HOSTS + EXPANSIONS,
    "endpoint": [scheme + host + end for scheme in ("http://", "HTTPS://", "", "ftp://", "http:/") for host in HOSTS[:60] for end in ("", "/")][::3]
                + ["http://h/x", "http://h?x", "http://h#x", "http://h:9000/", "http://h//", "http://", "http:///", *EXPANSIONS],
    "bucket": ["abc", "ab", "a" * 63, "a" * 64, "a.b", "a-b", ".ab", "ab-", "ABC", "a_b", "a b", "", "abc\n", *EXPANSIONS],
    "scheme": ["amqp", "amqps", "http", "https", "ws", "ftp", "file", "FILE", "files", "mysql+x", "a.b", "a-b", "1a", "", "a:", "a://", "a b", "\u00e4", "MySQL", "a\n", *EXPANSIONS],
    "databaseName": TEXTS + EXPANSIONS,
    "databaseNumber": ["0", "65535", "65536", "007", "", "x", "-1", "1.0", "1\n", "00000000001", *EXPANSIONS],
    "redisUser": TEXTS + EXPANSIONS,
    "optionName": ["sslmode", "a.b", "a_b", "a-b", "", "a b", "a%b", "\u00e4", "host", "hostaddr", "H-O-S-T", "ssl_key_file", "dbname", "db", "path", "port", "sslrootcert",
                   "load_balance_hosts", "a\n", "ssl_cert_reqs"],
    "option": ["", "a", "a b", "a\n", "a%b", "system", "\u00e4", *EXPANSIONS],
    "redisOption": ["", "a", "a b", "a\n", "a%b", "\u00e4", *EXPANSIONS],
    "umask": ["027", "0027", "27", "1027", "00027", "028", "0o27", "", "027\n", " 027", *EXPANSIONS],
}
NUMBERS = [-1, 0, 1, 2, 65535, 65536, 4294967294, 4294967295, 18446744073709551614, 18446744073709551615, 10**30]
SPELLED = ["1.0", "1e0", "1E1", "-0", "0.0", "1.5", "10e-1", "-0.0", "1e400"]
WRONG_TYPES = [None, True, False, 0, 1, 1.5, -1, "", "x", [], [1], [None], [""], {}, {"x": 1}]

SECRETS = {"plain": {"from": "env:PLAIN"}, "from-command": {"from": "command:/usr/local/bin/mint x", "raw": True},
           "smtp": {"from": "dotenv:app.env#SMTP_PASSWORD", "optional": True}, "npm": {"from": "json:creds.json#/npm/token"},
           "db": {"from": "file:db-password.secret", "optional": False}}
CACHE = {"kind": "redis", "host": "redis", "password": "redis-password"}


def connection(**fields):
    return {"version": 1, "connections": {"c": fields}, "run": {"env": {"A": "c"}}}


BASES = [
    {"version": 1, "run": {"grace": "8s"}},
    {"version": 1},
    {"version": 1, "$schema": "policy.schema.json", "secret_dirs": ["/run/secrets", "${DIRECTORY}/more"], "secrets": SECRETS},
    connection(kind="postgres", host="db", port=5432, user="app", password="pw", database="app", options={"sslmode": "require", "connect_timeout": 5}),
    connection(kind="postgres", host="a,b", port="${POSTGRES_PORT}", user="app", database=7, options={"sslrootcert": "system"}),
    connection(kind="redis", host="redis", port="6379", user="app", password="pw", database=0, tls=True, options={"client_name": "x"}),
    connection(kind="redis", host="/run/redis.sock", database="3", tls=False, options={"socket_timeout": 5}),
    connection(kind="minio", endpoint="http://minio:9000", access_key="app", secret_key="pw", bucket="artifacts", options={}),
    connection(kind="s3", endpoint="https://s3.example/", access_key="a:b", secret_key="pw"),
    connection(kind="url", scheme="amqp", host="mq", port=5671, user="app", password="pw", path="/", options={"heartbeat": 30}),
    connection(kind="url", scheme="https", host="h", path="a b/c"),
    {"version": 1, "secrets": {"plain": SECRETS["plain"], "from-command": SECRETS["from-command"]}, "connections": {"cache": CACHE},
     "run": {"env": {"A": "cache", "B": "plain"}, "files": {"C": "cache.conf"}, "inherit": ["PATH", "LC_*", "*"]}},
    {"version": 1, "run": {"user": "app:1000", "directory": "/srv/app", "grace": "8s", "umask": "027", "confinement": "required", "no_new_privileges": True}},
    {"version": 1, "run": {"user": 1000, "confinement": "environment-only", "no_new_privileges": False, "capabilities": ["NET_BIND_SERVICE"]}},
    {"version": 1, "run": {"signals": {"TERM": "QUIT", "HUP": "none"}}},
    {"version": 1, "run": {"limits": {"nofile": 65536, "core": 0, "as": "unlimited", "stack": 8388608}}},
    {"version": 1, "setup": {"commands": [["make", "build"]]}},
    {"version": 1, "connections": {"cache": CACHE}, "secrets": {"from-command": SECRETS["from-command"]},
     "setup": {"commands": [{"argv": ["git", "clone"], "git": True, "env": {"T": "from-command"}, "ssh": ["deploy-key"]}, {"argv": ["x"], "git": False}],
               "git": {"https://h/acme": {"username": "x", "password": "token"}, "https://g": {"username": "x", "password": "token"}}}},
    {"version": 1, "setup": {"commands": [["make"]], "user": "agent", "directory": "/workspace", "home": "keep", "timeout": "15m", "skip_if": "/workspace/.git",
                             "reuse": "trusted"}, "seal": {"on_hit": "remove", "on_drop": ["/usr/local/bin/revoke", "x"]}},
    {"version": 1, "run": {"env": {"A": "a"}}, "profiles": {"worker": {"run": {"files": {"B": "b"}, "grace": "${UNSET}s"}}, "": {"run": {}}}},
]


def fixtures(root):
    """Policies of examples and documents, which are right; those of tests, which may be wrong."""
    right, others = [], []
    for path in sorted([*root.glob("examples/**/*policy.json"), root / "scripts/demo/policy.json", root / "src/policy/tests/example.json"]):
        right.append((path.name, path.read_text()))
    for path in sorted([*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("examples/**/*.md")]):
        for block in re.findall(r"^```json\n(.*?)^```", path.read_text(), re.M | re.S):
            if '"version": 1' in block:
                right.append((path.name, block))
    for path in sorted([*root.glob("tests/**/*.rs"), *root.glob("src/**/*.rs"), root / "compose.example.yml"]):
        for text in re.findall(r'r#"(.*?)"#', path.read_text(), re.S):
            if text.lstrip().startswith("{") and is_json(text):
                others.append((path.name, text))
    table = (root / "src/policy/tests/tables.rs").read_text()
    for member in re.findall(r"^(.+?) => .+ => .+$", table, re.M):
        others.append(("tables.rs", '{"version": 1, ' + member + "}"))
    return right, others


def is_json(text):
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
