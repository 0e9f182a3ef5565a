"""Each snippet of README and guides runs, in the order of its page, as a reader would run it, and prints what is shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.stack import ROOT, Stack

pytestmark = pytest.mark.e2e

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
# A snippet's curl is to fail where the answer is an error.
NUMBER = r"\d[\d.]*(?:e\+\d+)?"
PREFACE = 'set -euo pipefail\ncurl() { command curl --fail-with-body --show-error "$@"; }\n'


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


RUN = {
    # What `make` starts has tests of its own, and some of it needs an account: here only that there is such a target.
    "sh": lambda block: re.sub(r"^make ", f"make --dry-run -C {ROOT} ", block, flags=re.MULTILINE),
    "python": lambda block: f".venv/bin/python - <<'END'\n{block}END\n",
    "js": lambda block: f"cat >snippet.mjs <<'END'\n{THROWING}{block}END\n.venv/bin/node snippet.mjs\n",
}
THROWING = "console.assert = (so) => { if (!so) throw new Error('not so'); };\n"


def script(page: Path) -> str:
    """All that a reader runs, in the order of the page."""
    written = re.findall(rf"^```({'|'.join(RUN)})\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return "".join(RUN[language](block) for language, block in written)


def likewise(line: str) -> str:
    """What a run prints there, in figures of its own."""
    parts = re.split(r"(\s+|\d[\d.]*\d|\d)", line.strip())
    return "".join(r"[ \t]+" if part.isspace() else NUMBER if part[:1].isdigit() else re.escape(part) for part in parts)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh")], ids=lambda page: page.name)
def test_every_command_of_a_page_works(page: Path, stack: Stack, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1], target_is_directory=True)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules", target_is_directory=True)
    ran = subprocess.run(
        ["bash", "-c", PREFACE + script(page)],
        cwd=tmp_path,
        env={**os.environ, "SLIPWAY_HOME": str(stack.home), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    for shown in blocks(page, "output"):
        missing = [line for line in shown.splitlines() if not re.search(likewise(line), ran.stdout)]
        assert missing == [], ran.stdout


def test_the_readme_shows_what_a_drill_prints() -> None:
    shown, _ = blocks(ROOT / "README.md", "output")
    *_, decided, back = (likewise(line) for line in shown.splitlines())
    assert re.search(
        decided,
        decided_so := "rolled_back: booking.failed: 17 units in treatment, 2 in control; E = 2.3e+04. Signals of "
        "server keys alone have reached it.",
    )
    assert not re.search(decided, decided_so.replace("rolled_back", "paused"))
    assert re.search(back, "Everybody is answered as before, 10.0 s after the first harm was told.")


def test_the_first_request_answers_what_the_readme_says(stack: Stack) -> None:
    (creation,) = (block for block in blocks(ROOT / "README.md", "sh") if "my-first-mug" in block)
    body = json.loads(re.findall(r"-d '(\{.*?\})'", creation)[0])
    answer = stack.call("POST", "/v1/products", {**body, "key": "readme-mug"}).json()
    assert (answer["name"], answer["price"]) == ("Enamel mug", {"amount": 1999, "currency": "EUR"})


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "json")], ids=lambda page: page.name)
def test_every_json_of_a_page_is_json(page: Path) -> None:
    for block in blocks(page, "json"):
        json.loads(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
