#!/usr/bin/env python3
"""The tables of docs/policy.md, from policy.schema.json.

    scripts/policy-tables.py           writes them
    scripts/policy-tables.py --check   ends with 1 if they are not up to date

A table stands between `<!-- keys: DEFINITION -->` and `<!-- end -->`.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/policy.md"
SCHEMA = json.loads((ROOT / "policy.schema.json").read_text())
KINDS = {"postgres": "postgres", "redis": "redis", "minio": "minio, s3", "url": "url"}

PLURALS = {"secret's name": "secrets' names", "capability": "capabilities"}


def definition(rule):
    while "$ref" in rule:
        rule = SCHEMA["$defs"][rule["$ref"].rsplit("/", 1)[1]]
    return rule


def literal(value):
    return f"`{json.dumps(value)}`"


def plural(word):
    return PLURALS.get(word) or (word + "s" if word[-1].isalpha() else word)


def type_of(rule, within=False):
    """The type in words; objects have names only within others."""
    rule = definition(rule)
    if "const" in rule:
        return f"the number {rule['const']}"
    if "enum" in rule:
        return " or ".join(map(literal, rule["enum"]))
    kind = rule.get("type")
    if kind == "boolean":
        return "true or false"
    if kind == "array":
        return "array of " + plural(type_of(rule["items"], within=True))
    if kind == "object" and isinstance(rule.get("additionalProperties"), dict):
        return f"object: {type_of(rule['propertyNames'])} to {type_of(rule['additionalProperties'], within=True)}"
    return "object" if kind == "object" and not within else rule["title"]


def default_of(key, rule, required):
    if key in required:
        return "required"
    if "default" in rule:
        return literal(rule["default"])
    return rule["description"].partition(" Left out: ")[2].removesuffix(".") or "none"


def meaning_of(rule):
    return rule["description"].partition(" Left out: ")[0].removesuffix(".")


def row(cells):
    text = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    return re.sub(r"docs/(\w+\.md)", r"[\1](\1)", text)


def keys_of(name):
    part = SCHEMA["$defs"][name] if name else SCHEMA
    part = part["anyOf"][1] if "anyOf" in part else part
    yield row(["key", "type", "default", "meaning"])
    yield "|---|---|---|---|"
    for key, rule in part["properties"].items():
        yield row([f"`{key}`", type_of(rule), default_of(key, rule, part.get("required", [])), meaning_of(rule)])


def connections():
    parts = {kind: SCHEMA["$defs"][kind] for kind in KINDS}
    yield row(["field", "type", *KINDS.values(), "meaning"])
    yield "|---" * (len(KINDS) + 3) + "|"
    seen = dict.fromkeys(key for part in parts.values() for key in part["properties"])
    for key in seen:
        having = [part for part in parts.values() if key in part["properties"]]
        cells = []
        for part in parts.values():
            rule = part["properties"].get(key)
            none = rule is None or rule.get("maxProperties") == 0
            cells.append("" if none else default_of(key, rule, part["required"]))
        kinds = [part["properties"][key] for part in having]
        kind = " or ".join(map(literal, SCHEMA["$defs"]["connection"]["properties"]["kind"]["enum"]))
        types = dict.fromkeys(type_of(rule) for rule in kinds if rule.get("maxProperties") != 0)
        yield row([f"`{key}`", kind if key == "kind" else "; ".join(types), *cells, meaning_of(max(kinds, key=lambda rule: len(meaning_of(rule))))])


def page():
    def table(found):
        name = found[1]
        lines = connections() if name == "connections" else keys_of("" if name == "policy" else name)
        return f"<!-- keys: {name} -->\n" + "\n".join(lines) + "\n<!-- end -->"

    old = PAGE.read_text()
    return old, re.sub(r"<!-- keys: (\w+) -->\n.*?<!-- end -->", table, old, flags=re.S)


def missing(text):
    """Definitions with keys that no table shows."""
    for name, part in SCHEMA["$defs"].items():
        part = part["anyOf"][1] if name == "command" else part
        shown = "connections" if name in (*KINDS, "connection") else name
        if "properties" in part and f"<!-- keys: {shown} -->" not in text:
            yield name


def main():
    old, new = page()
    lacking = list(missing(new))
    if lacking:
        sys.exit(f"docs/policy.md has no table for {', '.join(lacking)}")
    if sys.argv[1:] == ["--check"]:
        if old != new:
            sys.exit("the tables of docs/policy.md are not what policy.schema.json says; write them by: make docs")
    else:
        PAGE.write_text(new)


main()
