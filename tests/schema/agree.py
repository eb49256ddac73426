"""Puts the same policies to policy.schema.json and to the parser.

Each policy goes out as a line of hexadecimal; the parser's answer comes back as
a line of `pointer:what` pairs, in hexadecimal too, one for each mistake. Ends
with 0 if both sides agree on every one.
"""

import json
import random
import re
import sys
from copy import deepcopy
from pathlib import Path

from jsonschema import Draft202012Validator, validators

from policies import BASES, NUMBERS, POOLS, SPELLED, WRONG_TYPES, fixtures

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "policy.schema.json").read_text())
RANDOM_CASES = 3000

# What only the parser can see: a sentence of docs/policy.md, and the first
# lines of the messages that belong to it.
ONLY_CHECK = {
    "a key that stands twice in one object": "stands here twice",
    "a policy of more than 1 MiB": "longer than 1 MiB",
    "a name of more than 255 bytes": "longer than 255 bytes",
    "half a character, such as `\\ud800`": "half a character",
    "a part that a connection does not have": "has no part",
    "one name for a connection and a secret": "both a connection's and a secret's name",
    "a connection in place of a credential": "a credential can only be a secret",
    "a secret from a command for main": "for the setup phase only",
    "a variable in `env` and in `files`": "stands in `env` and in `files`",
    "one signal in two spellings": "a rule already, under another spelling",
    "an option that names a host, user, credential, service, file or database":
        "options cannot name a host|the database has its own field",
    "a host that clients read in different ways: an IPv6 address that is none, a number in "
    "disguise such as `0x7f.1`, a name over 253 bytes":
        "not an IPv6 address|a name that ends in a number|a host is a name of letters|"
        "other clients read another address",
    "several hosts where the scheme has one": "a URL with this scheme has one host",
    "a `port` beside hosts that all have one": "`host` has a port already",
    "a path or database that clients resolve, such as `..`": "other clients resolve",
    "a Git address that can be read in more than one way, and two for the same repositories":
        "can be read in more than one way|for the same repositories|not an `https://` address",
    "a uid or gid over 4294967294 in a text": "a uid or gid is at most",
    "a duration over a year": "longer than a year",
}
# The two that belong to a place, not to a message.
EXPANSION = "what a `${NAME}` gives, and whether it may be expanded at all"
SPELLING = "a whole number that is written with a point, an exponent or `-0`"


def ecma(pattern):
    """ECMA-262's `$` is the end; Python's also stands before a last newline."""
    return re.compile(re.sub(r"(?<!\\)\$(?=$|\))", r"\\Z", pattern))


PATTERNS = {}


def matches(pattern, text):
    if pattern not in PATTERNS:
        PATTERNS[pattern] = ecma(pattern)
    return PATTERNS[pattern].search(text)


def check_pattern(_validator, pattern, instance, _schema):
    if isinstance(instance, str) and not matches(pattern, instance):
        from jsonschema import ValidationError

        yield ValidationError("does not match")


VALIDATOR = validators.extend(Draft202012Validator, {"pattern": check_pattern})(SCHEMA)
EXPANDS = SCHEMA["$defs"]["expansion"]["pattern"]


class Case:
    """A policy as text, and the places where a number is spelled oddly."""

    def __init__(self, text, about, spelled=()):
        self.bytes = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        self.about, self.spelled = about, set(spelled)

    def value(self):
        def refuse(word):
            raise ValueError(word)

        return json.loads(self.bytes.decode("utf-8"), parse_constant=refuse)

    def schema_accepts(self):
        try:
            return VALIDATOR.is_valid(self.value())
        except ValueError:
            return False

    def at(self, pointer):
        """The value at a JSON pointer, if both can be read."""
        try:
            found = self.value()
            for key in pointer.split("/")[1:]:
                key = key.replace("~1", "/").replace("~0", "~")
                found = found[int(key) if isinstance(found, list) else key]
            return found
        except (ValueError, KeyError, IndexError, TypeError):
            return None

    def excuse(self, pointer, what):
        """The rule by which the schema need not see this mistake."""
        found = self.at(pointer)
        if pointer in self.spelled or (isinstance(found, float) and found.is_integer()):
            return SPELLING
        # What is wrong with an option stands at all of them.
        texts = found.values() if isinstance(found, dict) and pointer.endswith("/options") else [found]
        if any(isinstance(text, str) and matches(EXPANDS, text) for text in texts):
            return EXPANSION
        return next((rule for rule, said in ONLY_CHECK.items() if re.search(said, what)), None)


def walk(value, path=()):
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from walk(item, (*path, key))


def changed(policy, path, change):
    """A copy in which `change` was done to the container of `path`."""
    copy = deepcopy(policy)
    node = copy
    for key in path[:-1]:
        node = node[key]
    change(node, path[-1])
    return copy


def put(value):
    def change(node, key):
        node[key] = value

    return change


def rename(name):
    def change(node, key):
        entries = [(name if old == key else old, value) for old, value in node.items()]
        node.clear()
        node.update(entries)

    return change


def remove(node, key):
    del node[key]


def resolved(schema):
    name = None
    while "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        schema = SCHEMA["$defs"][name]
    return name, schema


def leaves(value, schema, path=()):
    """Each place of a value with the name of the definition that rules it."""
    name, schema = resolved(schema)
    if name == "connection":
        kind = "minio" if value["kind"] == "s3" else value["kind"]
        return (yield from leaves(value, SCHEMA["$defs"][kind], path))
    if name == "command" and isinstance(value, dict):
        schema = schema["anyOf"][1]
    elif name == "command":
        name, schema = resolved(schema["anyOf"][0])
    if isinstance(value, dict) and schema.get("type") == "object":
        for key, item in value.items():
            if "propertyNames" in schema and path:
                yield (*path, key), "key:" + (resolved(schema["propertyNames"])[0] or path[-1]), key
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            yield from leaves(item, below, (*path, key))
    elif isinstance(value, list) and schema.get("type") == "array":
        for at, item in enumerate(value):
            first = schema.get("prefixItems", [])
            yield from leaves(item, first[at] if at < len(first) else schema["items"], (*path, at))
    else:
        yield path, name or "word", value


def exhaustive():
    """Every base with every single change that the pools know."""
    known = sorted({key for part in [SCHEMA, *SCHEMA["$defs"].values()] for key in part.get("properties", {})})
    for base in BASES:
        yield Case(json.dumps(base), "a base")
        for path, value in walk(base):
            if not path:
                continue
            yield Case(json.dumps(changed(base, path, remove)), ("without", path))
            for other in WRONG_TYPES:
                yield Case(json.dumps(changed(base, path, put(other))), ("type", path, other))
            if isinstance(value, dict):
                for key in ("x", "", *random.sample(known, 3)):
                    if key not in value:
                        more = {**value, key: random.choice([{}, "x", 1, True, []])}
                        yield Case(json.dumps(changed(base, path, put(more))), ("unknown", path, key))
            if isinstance(path[-1], str):
                for name in (path[-1] + "s", path[-1].upper(), path[-1][:-1]):
                    yield Case(json.dumps(changed(base, path, rename(name))), ("renamed", path, name))
        alike = set()
        for path, rule, value in leaves(base, SCHEMA):
            if (rule, str(path[:-1]) if rule == "reference" else path[-1]) in alike:
                continue
            alike.add((rule, str(path[:-1]) if rule == "reference" else path[-1]))
            change = rename if rule.startswith("key:") else put
            for other in POOLS.get(rule.removeprefix("key:"), ()):
                if not (change is rename and not isinstance(other, str)):
                    yield Case(json.dumps(changed(base, path, change(other))), (rule, path, other))
            if isinstance(value, int) and not isinstance(value, bool):
                for number in NUMBERS:
                    yield Case(json.dumps(changed(base, path, put(number))), ("number", path, number))


def spelled():
    """Numbers that JSON takes for whole ones, and other texts of one value."""
    for base in BASES:
        for path, value in walk(base):
            if isinstance(value, int) and not isinstance(value, bool):
                text = json.dumps(changed(base, path, put("@number@")))
                pointer = "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)
                for number in SPELLED:
                    yield Case(text.replace('"@number@"', number), ("spelled", path, number), [pointer])
    text = json.dumps(BASES[0])
    for other in (
        "\ufeff" + text, text + " // end", text + " x", "# policy\n" + text, text[:-1] + ",}", text[:-1],
        text.replace('"', "'"), "", " ", "[]", "null", '"x"', "1", "[" + text + "]", "{}",
        text.replace('{"version": 1', '{"version": 1, "version": 1', 1),
        text.replace('"run": {', '"run": {"grace": "1s", "grace": "1s", ', 1),
        '{"version": 1, "run": {"umask": NaN}}', '{"version": 1, "x": Infinity}', '{"version": 01}',
        '{"version": 1, "profiles": {"\\ud800": {"run": {}}}}', '{"version": 1, "$schema": "\\ud800"}',
        '{"version": 1, "$schema": "\\u0000"}', '{"version": 1, "$schema": 1}', '{"version": 1, "$schema": ""}',
        '{"version": 1}' + " " * (1 << 20),
    ):
        yield Case(other, "the text as a whole")
    yield Case(b'{"version": 1, "$schema": "\xff"}', "no UTF-8")


LETTERS = list("aZ09_-./:#@%$*~ ,=[]{}\\\"'\n\t\x00\x7f\x85\xa0\u2028\u00e9\u017f") + ["${", "}", "$${", "${A:-", ":-"]


def at_random():
    """Bases of which parts are missing, and one text with a changed letter."""
    strings = sorted({text for pool in POOLS.values() for text in pool if isinstance(text, str)})
    for _ in range(RANDOM_CASES):
        policy = deepcopy(random.choice(BASES))
        for _ in range(random.randrange(3)):
            places = [path for path, _ in walk(policy) if len(path) > 1]
            if places:
                policy = changed(policy, random.choice(places), remove)
        places = [(path, value) for path, value in walk(policy) if path]
        path, value = random.choice(places)
        is_key = isinstance(path[-1], str) and (not isinstance(value, str) or random.random() < 0.3)
        text = path[-1] if is_key else value if isinstance(value, str) else "x"
        if random.random() < 0.3:
            text = random.choice(strings)
        at, letter = random.randrange(len(text) + 1), random.choice(LETTERS)
        text = random.choice([text[:at] + letter + text[at:], text[:at] + text[at + 1:], text[:at] + letter + text[at + 1:]])
        policy = changed(policy, path, rename(text) if is_key else put(text))
        yield Case(json.dumps(policy), ("letter", path, text))


def judge(case):
    """What the parser finds wrong."""
    print(case.bytes.hex(), flush=True)
    answer = sys.stdin.readline().split()
    return [tuple(bytes.fromhex(half).decode() for half in pair.split(":")) for pair in answer]


def schema_of_examples():
    """Every example of the schema is right by the schema's own words."""
    for name, part in [("", SCHEMA), *SCHEMA["$defs"].items()]:
        places = [part, *(part["anyOf"] if name == "command" else ())]
        for key, rule in ((key, rule) for place in places for key, rule in place.get("properties", {}).items()):
            for word in ("title", "description", "examples"):
                assert rule.get(word), f"{name}.{key} has no {word}"
            for example in rule["examples"] + ([rule["default"]] if "default" in rule else []):
                rule = {**rule, "$defs": SCHEMA["$defs"]}
                assert VALIDATOR.evolve(schema=rule).is_valid(example), f"{name}.{key}: {example}"


def main():
    random.seed(6)
    Draft202012Validator.check_schema(SCHEMA)
    schema_of_examples()
    page = " ".join((ROOT / "docs/policy.md").read_text().split())
    wrong = [f"docs/policy.md does not say: {rule}" for rule in [*ONLY_CHECK, EXPANSION, SPELLING] if rule not in page]
    counts, witnessed = {True: 0, False: 0}, set()
    right, others = fixtures(ROOT)
    cases = [Case(text, name) for name, text in right + others]
    cases += [*exhaustive(), *spelled(), *at_random()]
    must = {text.encode() for _, text in right}
    for case in {case.bytes: case for case in cases}.values():
        mistakes, accepted = judge(case), case.schema_accepts()
        counts[accepted] += 1
        excuses = [case.excuse(*mistake) for mistake in mistakes]
        if case.bytes in must and (mistakes or not accepted):
            wrong.append(f"{case.about} is no right policy: {mistakes}")
        elif accepted and mistakes and all(excuses):
            witnessed.update(excuses)
        elif accepted != (not mistakes):
            said = "accepts" if accepted else "refuses"
            wrong.append(f"{case.about}: the schema {said} what the parser judges {mistakes}\n  {case.bytes[:600]!r}")
    stale = {*ONLY_CHECK, EXPANSION, SPELLING} - witnessed
    wrong += [f"no policy shows that only the parser can see: {rule}" for rule in stale]
    print(f"{counts[True]} accepted, {counts[False]} refused, {len(right)} of examples and documents", file=sys.stderr)
    for line in wrong[:20]:
        print(line, file=sys.stderr)
    if min(counts.values()) < 1000 or len(right) < 10:
        wrong.append("too few policies to say anything")
    sys.exit(1 if wrong else 0)


main()
