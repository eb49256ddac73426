"""Claims about the documents. Needs Python alone; the commands themselves are
run by the tests that their markers name."""

import re
import subprocess
import sys
from pathlib import Path

from messages import messages

ROOT = Path(__file__).parents[2]


def words(path):
    return " ".join((ROOT / path).read_text().split())


def the_tables_of_the_policy_are_those_of_the_schema():
    subprocess.run([ROOT / "scripts/policy-tables.py", "--check"], check=True)


def every_message_stands_in_the_page_on_troubleshooting():
    page = words("docs/troubleshooting.md")
    lacking = [f"{message} ({name})" for message, name in messages(ROOT).items() if message not in page]
    assert not lacking, "docs/troubleshooting.md lacks:\n" + "\n".join(lacking)


def no_message_escapes_the_search_in_the_sources():
    """Each first line that a golden file keeps is of a message found there."""
    known = [re.escape(message).replace("…", ".+") for message in messages(ROOT)]
    golden = [ROOT / "src/policy/tests/golden.txt", *ROOT.glob("tests/blackbox/golden/*.txt")]
    text = "\n".join(path.read_text() for path in golden)
    firsts = re.findall(r"^(?:vestibule: )?(.+)\n  where: ", text, re.M)
    assert len(firsts) > 70, len(firsts)
    unknown = [line for line in firsts if not any(re.search(message, line) for message in known)]
    assert not unknown, "\n".join(unknown)


def documents():
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")]
    return [(path.relative_to(ROOT).as_posix(), path.read_text()) for path in sorted(paths)]


def anchors(text):
    """The anchors that a document's headings get, as the hosting sites make them."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", prose, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def every_link_leads_to_a_file_of_the_repository_and_a_heading_in_it():
    count = 0
    for name, text in documents():
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"\w+:", link):
                continue
            count += 1
            path, _, anchor = link.partition("#")
            target = (ROOT / name).parent / path if path else ROOT / name
            assert target.exists(), f"{name}: there is no {path}"
            assert not anchor or anchor in anchors(target.read_text()), f"{name}: {path} has no #{anchor}"
    assert count > 60, count


def blocks(text):
    """Language, lines and the line before of each fenced block."""
    for found in re.finditer(r"^([^\n]*)\n```(\w*)\n(.*?)^```$", text, re.M | re.S):
        yield found[2], found[3].splitlines(), found[1]


def every_command_is_run_by_the_tests_that_its_marker_names():
    """`<!-- run by: FILE, WORD, ...; FILE, ... -->` stands before the block; each
    word, the name of a test or suite, stands in that file. Of an example that
    tests/docker/examples.rs names, each `console` block is followed there."""
    count = 0
    followed = (ROOT / "tests/docker/examples.rs").read_text()
    for name, text in documents():
        for language, lines, before in blocks(text):
            if language not in ("sh", "console"):
                continue
            count += 1
            example = re.match(r"examples/([a-z-]+)/", name)
            if language == "console" and example and f'"{example[1]}"' in followed:
                continue
            marker = re.fullmatch(r"<!-- run by: (.+) -->", before)
            assert marker, f"{name}: nothing says what runs {lines[0]}"
            for place in marker[1].split("; "):
                path, *names = place.split(", ")
                held = (ROOT / path).read_text() if (ROOT / path).exists() else ""
                lacking = [word for word in names if word not in held]
                assert names and not lacking, f"{name}: {path} has no {lacking}"
    assert count >= 8, count


def no_command_stands_where_nothing_runs_it():
    """Neither indented, nor in a block that is no shell's."""
    for name, text in documents():
        for language, lines, _ in blocks(text):
            hidden = [line for line in lines if re.match(r"(\$ |sudo |docker |make )", line)]
            assert language in ("sh", "console") or not hidden, f"{name}: {hidden}"
        rest = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        indented = re.findall(r"(?:^|\n)\n(    \S.*)", rest)
        assert not indented, f"{name}: an indented block: {indented}"


def every_target_of_make_in_a_command_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for name, text in documents():
        named = re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)
        assert set(named) <= targets, f"{name}: {set(named) - targets}"


def every_usage_line_has_only_what_the_help_has():
    known = words("docs/help.txt")
    for name, text in documents():
        for language, lines, _ in blocks(text):
            for line in lines if language == "text" else []:
                for word in re.findall(r"^vestibule [a-z-]+|--[a-z-]+", line):
                    assert word in known, f"{name}: {word}"


def main():
    failed = 0
    claims = [claim for name, claim in globals().items() if callable(claim) and name.count("_") > 2]
    for claim in claims:
        try:
            claim()
            print(f"test {claim.__name__} ... ok")
        except (AssertionError, subprocess.CalledProcessError) as error:
            failed += 1
            print(f"test {claim.__name__} ... FAILED\n{error}")
    verdict = "FAILED" if failed else "ok"
    print(f"test result: {verdict}. {len(claims) - failed} passed; {failed} failed; 0 ignored;")
    sys.exit(1 if failed else 0)


main()
