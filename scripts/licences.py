"""Checks the crates of the program against deny.toml: licences and sources.

cargo-deny does this and more, but is not on every machine.
"""
import json
import re
import subprocess
import sys
import tomllib

with open("deny.toml", "rb") as file:
    rules = tomllib.load(file)
allowed = set(rules["licenses"]["allow"])
registries = {"registry+" + url for url in rules["sources"]["allow-registry"]}


def fits(expression):
    """Whether an SPDX expression can be met with allowed licences alone."""
    words = re.findall(r"[()]|[^\s()/]+|/", expression)
    meaning = {"(": "(", ")": ")", "/": "or", "OR": "or", "AND": "and"}
    text = " ".join(meaning.get(word, str(word in allowed)) for word in words)
    return bool(text) and eval(text)  # only brackets, and, or, True and False


metadata = json.loads(
    subprocess.check_output(["cargo", "metadata", "--locked", "--format-version", "1"])
)
wrong = []
for package in metadata["packages"]:
    name = f"{package['name']} {package['version']}"
    if not fits(package["license"] or ""):
        wrong.append(f"{name}: the licence {package['license']} is not in deny.toml")
    if package["source"] not in registries | {None}:
        wrong.append(f"{name}: it does not come from crates.io")
    if package["source"] is None:
        for dependency in package["dependencies"]:
            if dependency["req"] == "*":
                wrong.append(f"{dependency['name']}: no version is given")
print("\n".join(wrong) or f"{len(metadata['packages'])} crates: licences and sources are as deny.toml says")
sys.exit(bool(wrong))
