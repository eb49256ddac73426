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


def main():
    failed = 0
    claims = [claim for name, claim in globals().items() if callable(claim) and "_" in name]
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
