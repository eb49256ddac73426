"""Makes docs/terminal-*.svg: what the real binary says, as PID 1 of fresh
namespaces, with made-up secrets. Needs Linux, unshare(1) and root.

    scripts/pictures.py            writes them
    scripts/pictures.py --check    fails if they are not what it would write
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from html import escape
from pathlib import Path

SECRETS = {
    "db-password": "k8/Nq#v@2:xL%41\n",
    "github-token": "not-a-real-github-token\n",
}
# What a program of this machine needs is copied with it.
PROGRAMS = ["cat", "env"]
POLICY = """{
  "version": 1,
  "connections": {
    "database": { "kind": "postgres", "host": "db", "user": "app", "password": "db-password" }
  },
  "run": { "user": "app", "env": { "DATABASE_URL": "database" }, "inherit": ["PATH"] }
}
"""


class Picture:
    """A terminal in which these commands were typed, each in a container of its
    own; secrets that differ from the usual are given by name."""

    def __init__(self, name, title, commands, **secrets):
        self.place = Path(f"docs/terminal-{name}.svg")
        self.title = title
        self.commands = commands
        self.secrets = SECRETS | {name.replace("_", "-"): value for name, value in secrets.items()}


PICTURES = [
    Picture(
        "start",
        "a start: what is given, what is withheld and by which means",
        ["cat /run/secrets/db-password", "cat /etc/vestibule/policy.json", "/vestibule -- env"],
    ),
    Picture(
        "refusal",
        "a refusal: what, where, fix, and nothing is started",
        ["/vestibule -- env"],
        db_password="",
    ),
]


# --- the container ----------------------------------------------------------


def copy_program(name, root):
    program = shutil.which(name)
    shutil.copy(program, root / "bin" / name)
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"/\S+", listing):
        copy = root / library[1:]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, copy)


def make_root(root, binary, secrets):
    for directory in ["bin", "dev/shm", "etc/vestibule", "proc", "run/secrets", "tmp"]:
        (root / directory).mkdir(parents=True)
    shutil.copy(binary, root / "vestibule")
    (root / "vestibule").chmod(0o111)
    for name in PROGRAMS:
        copy_program(name, root)
    (root / "etc/passwd").write_text("root:x:0:0::/root:\napp:x:10001:10001::/tmp:\n")
    (root / "etc/group").write_text("root:x:0:\napp:x:10001:\n")
    (root / "etc/vestibule/policy.json").write_text(POLICY)
    for name, value in secrets.items():
        file = root / "run/secrets" / name
        file.write_text(value)
        file.chmod(0o400)


# The first argument is the new root; the rest is executed in it.
ENTER = """
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
cd "$1"
shift
exec chroot . /bin/env -i PATH=/bin "$@"
"""


def run(root, command):
    """What a command says: its lines, as they are to be shown, with their class."""
    unshare = "unshare --mount --pid --fork --kill-child --uts --ipc --net sh -euc".split()
    done = subprocess.run(
        [*unshare, ENTER, "sh", str(root), *command.split()],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    lines = [("typed", f"$ {command}")]
    lines += [("message", line) for line in done.stderr.splitlines()]
    lines += [("output", line) for line in done.stdout.splitlines()]
    if done.returncode:
        lines += [("code", f"(exit code {done.returncode})")]
    return lines + [("output", "")]


def transcript(picture, binary):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "root"
        root.mkdir()
        root.chmod(0o755)
        Path(place).chmod(0o755)
        make_root(root, binary, picture.secrets)
        lines = [line for command in picture.commands for line in run(root, command)]
    return lines[:-1]


# --- the picture --------------------------------------------------------------

COLUMNS, ADVANCE, LINE, MARGIN, BAR = 94, 8.4, 20, 20, 36
STYLE = """
    .window { fill: #0d1117; stroke: #3d444d }
    .bar { fill: #9198a1; font: 13px system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif }
    .line { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }
    .typed { fill: #f0f6fc; font-weight: 600 }
    .message { fill: #e3b341 }
    .output { fill: #d1d7e0 }
    .code { fill: #f85149 }
  """


def wrapped(lines):
    """Long lines broken between words; what follows stands two columns deeper."""
    for kind, line in lines:
        indent = line[: len(line) - len(line.lstrip())] + "  "
        parts = textwrap.wrap(
            line,
            COLUMNS,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
            drop_whitespace=True,
        )
        yield from ((kind, part) for part in parts or [""])


def svg(title, lines):
    rows = list(wrapped(lines))
    width = round(COLUMNS * ADVANCE + 2 * MARGIN)
    height = BAR + len(rows) * LINE + MARGIN
    text = [
        f'  <text class="line {kind}" x="{MARGIN}" y="{BAR + 16 + number * LINE}"'
        f' textLength="{len(row) * ADVANCE:.1f}" xml:space="preserve">{escape(row, quote=False)}</text>'
        for number, (kind, row) in enumerate(rows)
        if row
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
            f' height="{height}" role="img" aria-labelledby="title">',
            f'  <title id="title">{escape(title)}</title>',
            f"  <style>{STYLE}</style>",
            f'  <rect class="window" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>',
            f'  <text class="bar" x="{MARGIN}" y="24">{escape(title)}</text>',
            *text,
            "</svg>\n",
        ]
    )


def comparable(picture):
    """How many ways there are to try depends on the kernel, so that may differ."""
    picture = re.sub(r"\d+ ways", "some ways", picture)
    return re.sub(r' textLength="[\d.]+"', "", picture)


def binary():
    built = os.environ.get("VESTIBULE_BINARY")
    return built or subprocess.check_output(["scripts/build.sh"], text=True).splitlines()[-1]


def main():
    os.umask(0o022)
    program, stale = binary(), []
    for picture in PICTURES:
        made = svg(picture.title, transcript(picture, program))
        if "--check" not in sys.argv:
            picture.place.write_text(made)
        elif not picture.place.exists() or comparable(picture.place.read_text()) != comparable(made):
            stale.append(str(picture.place))
            print(made)
    if stale:
        sys.exit(f"not what the binary says: {', '.join(stale)}; `make pictures` makes them anew")


main()
