"""Makes the manual page and the completions for bash, zsh and fish from what
`--help` prints, docs/help.txt. What it does not say stands in scripts/interface/.

    scripts/interface.py            writes them
    scripts/interface.py --check    fails if they are not what it would write
"""
import re
import sys
import tomllib
from pathlib import Path

TEMPLATES = Path("scripts/interface")
PLACES = {
    "vestibule.1": Path("docs/vestibule.1"),
    "vestibule.bash": Path("completions/vestibule.bash"),
    "_vestibule": Path("completions/_vestibule"),
    "vestibule.fish": Path("completions/vestibule.fish"),
}


# --- what the help says -----------------------------------------------------


class Option:
    """`-r, --rewrite FROM:TO   send TO for FROM`."""

    LINE = re.compile(r"  (?:(-\w)(?:, )?)? *(--[a-z-]+)?(?: ([A-Z][A-Z:]*))? +(.*)")

    def __init__(self, line):
        short, long, self.value, self.text = self.LINE.fullmatch(line).groups()
        self.names = [name for name in (short, long) if name]


class Usage:
    """`vestibule scan [--json] PATH...   are the mounted secrets in files`."""

    LINE = re.compile(r"(vestibule (.*?))  +(.*)")

    def __init__(self, line):
        self.form, rest, self.text = self.LINE.fullmatch(line).groups()
        first = rest.split()[0]
        self.subcommand = first if first.isalpha() and first.islower() else None
        self.options = re.findall(r"--[a-z]+", rest) if self.subcommand else []


class Help:
    """The parts of docs/help.txt."""

    def __init__(self, text):
        blocks = [block.splitlines() for block in text.strip().split("\n\n")]
        self.usages = [Usage(line) for line in blocks[0]]
        self.purpose = " ".join(blocks[1])
        self.sections = [
            (lines[0], [Option(line) for line in lines[1:]])
            for lines in blocks
            if lines[-1].startswith("  ")
        ]
        paragraphs = [" ".join(lines) for lines in blocks]
        self.end = next(found for found in paragraphs if found.startswith("Options end"))
        self.codes = next(found for found in paragraphs if found.startswith("Exit codes: "))

    def options(self):
        return [option for _, options in self.sections for option in options]

    def valued(self):
        return [name for option in self.options() if option.value for name in option.names]

    def subcommands(self):
        """Each with what it does, in the words of its first line."""
        found = {}
        for usage in self.usages:
            if usage.subcommand:
                found.setdefault(usage.subcommand, usage.text)
        return found

    def taken_by(self, subcommand):
        """The options after a subcommand: those of its lines, and of the section
        whose title names it."""
        taken = [
            Option(f"      {name}  {usage.text if name == '--prove' else 'answer in JSON'}")
            for usage in self.usages
            if usage.subcommand == subcommand
            for name in usage.options
        ]
        for title, options in self.sections:
            if re.search(rf"\b{subcommand}\b", title.partition("(")[2]):
                taken += options
        return taken + [option for option in self.options() if "--help" in option.names]


# --- the manual page ----------------------------------------------------------


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return "\\&" + text if text[:1] in ".'" else text


def tagged(tag, text):
    return f".TP\n{tag}\n{roff(text)}"


def in_bold(words):
    """Names in bold, what stands for a value in italics."""
    return ", ".join(f"\\fB{roff(word)}\\fR" for word in words)


def manual(template, known, version):
    def option(found):
        value = f" \\fI{found.value}\\fR" if found.value else ""
        return tagged(in_bold(found.names) + value, found.text)

    forms = "\n.br\n".join(
        re.sub(r"^vestibule", r"\\fBvestibule\\fR", roff(usage.form)) for usage in known.usages
    )
    commands = "\n".join(
        tagged(in_bold([re.sub(r"^vestibule ", "", usage.form)]), usage.text)
        for usage in known.usages
        if usage.subcommand
    )
    sections = "\n".join(
        f".SS {title}\n" + "\n".join(option(found) for found in options)
        for title, options in known.sections
    )
    codes = known.codes.removeprefix("Exit codes: ").rstrip(".").split("; ")
    own, *numbered = codes
    exits = "\n".join(
        tagged(*re.fullmatch(r"(\S+) (.*)", code).groups()) for code in numbered
    )
    return fill(
        template,
        VERSION=version,
        FORMS=forms,
        PURPOSE=roff(known.purpose),
        COMMANDS=commands,
        OPTIONS=sections,
        END=roff(known.end),
        CODES=f"{roff(own)}, or:\n{exits}",
    )


# --- the completions ------------------------------------------------------------


def names(options):
    return " ".join(name for option in options for name in option.names)


def bash(template, known, _):
    cases = "\n".join(
        f"        {subcommand}) options='{names(known.taken_by(subcommand))}' ;;"
        for subcommand in known.subcommands()
    )
    return fill(
        template,
        VALUED=" | ".join(known.valued()),
        OTHERS=" | ".join(
            name
            for option in known.options()
            if option.value and option.value not in ("FORMAT", "SIGNAL", "FROM:TO")
            for name in option.names
        ),
        SUBCOMMANDS=" ".join(known.subcommands()),
        ANY=" | ".join(known.subcommands()),
        OPTIONS=names(known.options()),
        CASES=cases,
    )


def zsh_options(options, indent):
    values = {
        "FILE": ":file:_files",
        "SIGNAL": ":signal:_signals",
        "FORMAT": ":format:(text json)",
    }
    lines = []
    for option in options:
        value = values.get(option.value, f":{option.value}: ".replace("FROM:TO", "FROM-TO")) if option.value else ""
        text = option.text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
        lines += [f"{indent}'*{name}[{text}]{value}' \\" for name in option.names]
    return "\n".join(lines)


def zsh(template, known, _):
    described = "\n".join(
        f"        '{name}:{text}'".replace(": no", "\\: no") for name, text in known.subcommands().items()
    )
    cases = "\n".join(
        f"                {subcommand})\n                    _arguments -s -S \\\n"
        + zsh_options(known.taken_by(subcommand), " " * 24)
        + "\n"
        + " " * 24
        + {"scan": "'*:path:_files'", "exec": "'*::command:_normal'"}.get(subcommand, "&& return")
        + "\n                    ;;"
        for subcommand in known.subcommands()
    )
    return fill(
        template,
        DESCRIBED=described,
        OPTIONS=zsh_options(known.options(), " " * 8),
        CASES=cases,
    )


def fish(template, known, _):
    def line(place, option):
        spelled = "".join(
            f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names
        )
        value = {
            None: "",
            "FILE": " -r -F",
            "FORMAT": " -x -a 'text json'",
        }.get(option.value, " -x")
        text = option.text.replace("\\", "\\\\").replace("'", "\\'")
        return f"complete -c vestibule -n '__vestibule_is_at {place}'{spelled}{value} -d '{text}'"

    lines = [line("options", option) for option in known.options()]
    for subcommand, text in known.subcommands().items():
        lines.append(f"complete -c vestibule -n '__vestibule_is_at options' -f -a {subcommand} -d '{text}'")
        lines += [line(subcommand, option) for option in known.taken_by(subcommand)]
    return fill(
        template,
        VALUED=" ".join(known.valued()),
        SUBCOMMANDS=" ".join(known.subcommands()),
        LINES="\n".join(lines),
    )


def fill(template, **parts):
    for name, text in parts.items():
        template = template.replace(f"@{name}@", text)
    left = re.search(r"@[A-Z]+@", template)
    if left:
        sys.exit(f"nothing fills {left[0]}")
    return template


MAKERS = {"vestibule.1": manual, "vestibule.bash": bash, "_vestibule": zsh, "vestibule.fish": fish}

version = tomllib.loads(Path("Cargo.toml").read_text())["package"]["version"]
known = Help(Path("docs/help.txt").read_text())
stale = []
for name, place in PLACES.items():
    made = MAKERS[name]((TEMPLATES / name).read_text(), known, version)
    if "--check" not in sys.argv:
        place.write_text(made)
    elif not place.exists() or place.read_text() != made:
        stale.append(str(place))
if stale:
    sys.exit(f"not what docs/help.txt says: {', '.join(stale)}; `make interface` writes them")
