"""Prints what is in the released binaries as CycloneDX 1.5: the crates that
Cargo.lock names, with their checksums, and Rust's standard library.

The same sources, compiler and SOURCE_DATE_EPOCH give the same bytes.
cargo-cyclonedx would do it too, but knows nothing of the standard library and
is compiled for longer than vestibule is.
"""
import datetime
import json
import os
import subprocess
import tomllib
import uuid

TARGETS = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"]


def said_by(*command):
    return subprocess.check_output(command, text=True)


def metadata(target):
    """What cargo builds for one target."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    return json.loads(said_by(*command, "--filter-platform", target))


def linked(found):
    """The crates that end up in the program, each with those it needs: no tests,
    no build scripts, no procedural macros."""
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    packages = {package["id"]: package for package in found["packages"]}
    needs, waiting = {}, [found["resolve"]["root"]]
    while waiting:
        crate = waiting.pop()
        if crate in needs:
            continue
        needs[crate] = {
            needed["pkg"]
            for needed in nodes[crate]["deps"]
            if any(kind["kind"] is None for kind in needed["dep_kinds"])
            and not is_macro(packages[needed["pkg"]])
        }
        waiting.extend(needs[crate])
    return needs, packages


def is_macro(package):
    return any("proc-macro" in target["kind"] for target in package["targets"])


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def crate(package, checksums):
    """One crate of crates.io as a component."""
    name, version = package["name"], package["version"]
    licence = " OR ".join(part.strip() for part in package["license"].split("/"))
    return {
        "type": "library",
        "bom-ref": reference(package),
        "name": name,
        "version": version,
        "scope": "required",
        "hashes": [{"alg": "SHA-256", "content": checksums[name, version]}],
        "licenses": [{"expression": licence}],
        "purl": reference(package),
        "externalReferences": [
            {"type": "distribution", "url": f"https://crates.io/crates/{name}/{version}"}
        ],
    }


def standard_library():
    version = said_by("rustc", "--version").split()[1]
    return {
        "type": "library",
        "bom-ref": f"rust-std@{version}",
        "name": "rust-std",
        "version": version,
        "description": "Rust's standard library for the musl targets, with the musl C library that it carries",
        "scope": "required",
        "licenses": [{"expression": "(MIT OR Apache-2.0) AND MIT"}],
    }


def moment():
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def bill():
    with open("Cargo.lock", "rb") as file:
        lock = file.read()
    entries = tomllib.loads(lock.decode())["package"]
    checksums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in entries}
    needs, packages = {}, {}
    for target in TARGETS:
        more, known = linked(metadata(target))
        packages |= known
        for crate_id, needed in more.items():
            needs.setdefault(crate_id, set()).update(needed)
    [own] = [package for package in packages.values() if package["source"] is None]
    library = standard_library()
    crates = sorted((packages[found] for found in needs if found != own["id"]), key=reference)
    program = {
        "type": "application",
        "bom-ref": reference(own),
        "name": own["name"],
        "version": own["version"],
        "description": own["description"],
        "licenses": [{"expression": own["license"]}],
        "purl": reference(own),
    }
    depends = [
        {
            "ref": reference(packages[found]),
            "dependsOn": sorted(reference(packages[needed]) for needed in needs[found])
            + [library["bom-ref"]],
        }
        for found in sorted(needs, key=lambda found: reference(packages[found]))
    ]
    serial = uuid.uuid5(uuid.NAMESPACE_URL, reference(own) + library["bom-ref"] + lock.decode())
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"timestamp": moment(), "component": program},
        "components": [crate(package, checksums) for package in crates] + [library],
        "dependencies": depends + [{"ref": library["bom-ref"], "dependsOn": []}],
    }


print(json.dumps(bill(), indent=2))
