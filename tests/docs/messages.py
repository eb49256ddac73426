"""The first lines of all messages of the program, from its sources.

They are the texts in `fn what`, in the files of wording, and in the rules of a
policy and of a connection. What the program fills in is `…` here.
"""

import re

TEXT = r'"(?:[^"\\]|\\.)*"'
# Where else than in `fn what` they stand: functions by name, or a pattern.
FUNCTIONS = {
    "src/policy/wording.rs": ["fmt"],
    "src/policy/duration.rs": ["fmt"],
    "src/collect/wording.rs": ["problem_text"],
    "src/seal/residue.rs": ["text"],
    "src/setup/git/key.rs": ["fmt"],
    "src/names.rs": ["fmt"],
}
PATTERNS = {
    "src/policy/rules.rs": rf"^    [A-Z_0-9]+: ({TEXT})",
    "src/cli/": rf"what: (?:format!\()?({TEXT})",
    "src/collect/wording.rs": rf"(?:Words::new\(|(?:Account|Value)Problem::\w+(?:\(\w+\))? => \(?)\s*(?:format!\(\s*)?({TEXT})",
    "src/connection/": rf"(?:Err\(|rule =|ok_or\(|map_err\(\|_\||STRANGER: &str =|=>|Some\(|mistakes, |String::new\(\), )\s*({TEXT})"
    rf"|mistakes\.address\(\"\w+\", &\w+, ({TEXT})|self\.add\(\w+, String::new\(\), ({TEXT})|^ +({TEXT}),?$",
}


def source(path):
    """A file without its claims and comments."""
    text = path.read_text().split("#[cfg(test)]\nmod tests {")[0]
    return re.sub(r"^\s*//.*$", "", text, flags=re.M)


def shown(literal):
    """A text of the source as a reader sees it."""
    text = re.sub(r"\\\n\s*", "", literal[1:-1]).replace('\\"', '"').replace("\\\\", "\\")
    text = re.sub(r"(?<![{$])\{[^{}]*\}(?!\})", "…", text).replace("{{", "{").replace("}}", "}")
    # What is all filled in says nothing about the kind of message.
    return re.sub(r"^… ?: |… ?(?=…)", "", text).strip()


def bodies(text, name):
    """All functions of that name."""
    return [found[0] for found in re.finditer(rf"^( *)(?:pub(?:\(\w+\))? )?(?:const )?fn {name}\b.*?^\1\}}", text, re.M | re.S)]


def is_sentence(text):
    return len(re.findall(r"[a-z]{2,}", text)) >= 2


def messages(root):
    """Each first line with the file that has it."""
    found = {}
    for path in sorted(root.glob("src/**/*.rs")):
        name = path.relative_to(root).as_posix()
        if "/tests" in name:
            continue
        text = source(path)
        literals = [literal for function in ["what", *FUNCTIONS.get(name, [])] for part in bodies(text, function)
                    for literal in re.findall(TEXT, part, re.S)]
        for place, pattern in PATTERNS.items():
            if name.startswith(place):
                literals += [next(filter(None, groups.groups())) for groups in re.finditer(pattern, text, re.M)]
        for literal in literals:
            if is_sentence(shown(literal)):
                found.setdefault(shown(literal), name)
    return found
