"""Every code block of the docs runs, on the installed wheel, in a scratch project a page.

A block with a `title` is written to that file. A `python` block runs as a script. The commands of a `console` block run
one after the other; what stands under a command must be in its output, in that order, `…` standing for anything. What a
person would leave running in a second terminal (`workaday up`, `uvicorn`) runs until the page ends. Links lead somewhere.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import reached

TREE = Path(__file__).parents[2]
GENERATED = {"reference"}
PAGES = sorted(
    path.relative_to(TREE)
    for path in [*TREE.glob("*.md"), *TREE.glob("docs/**/*.md"), *TREE.glob("examples/*/*.md")]
    if not GENERATED & set(path.relative_to(TREE).parts)
)
STAYS = ("workaday up", "workaday dev", "uvicorn ")
"""What a reader leaves running in another terminal."""

NOT_OURS = ("pip install", "git clone", "make ", "sudo ", "systemctl ")
"""What sets up the machine: it has been done when this test runs."""

FENCE = re.compile(r"^```(?P<language>[a-z]*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")


@dataclass(frozen=True)
class Block:
    language: str
    title: str | None
    body: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = (TREE / page).read_text(encoding="utf-8")
    return [
        Block(found["language"], found["title"], found["body"], text.count("\n", 0, found.start()) + 1) for found in FENCE.finditer(text)
    ]


def runs(page: Path) -> bool:
    return any(block.title or block.language in ("python", "console") for block in blocks(page))


def commands(body: str) -> Iterator[tuple[str, list[str]]]:
    """Each `$ command` with the lines of output that stand under it."""
    command, output = "", []
    for line in body.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, output
            command, output = line[2:].strip(), []
        elif line.strip():
            output.append(line)
    if command:
        yield command, output


def matches(expected: list[str], got: str) -> bool:
    """All pieces of the expected lines, in order; `…` is anything."""
    pieces = [piece.strip() for line in expected for piece in line.split("…") if piece.strip()]
    return re.search(".*".join(map(re.escape, pieces)), got, re.S) is not None


class Page:
    """A reader who follows one page in an empty folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left_running: list[subprocess.Popen[bytes]] = []
        scripts = str(Path(sys.executable).parent)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("WORKADAY_", "PYTEST_"))}
        self.environment = {**kept, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(root)}

    def follow(self, block: Block) -> None:
        if block.title:
            path = self.root / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.language == "python":
            script = self.root / f"_line_{block.line}.py"
            script.write_text(block.body, encoding="utf-8")
            self.run([sys.executable, str(script)], f"the script of line {block.line}")
        elif block.language == "console":
            for command, output in commands(block.body):
                self.say(command, output)

    def say(self, command: str, output: list[str]) -> None:
        if command.startswith(NOT_OURS):
            return
        if command.startswith(STAYS):
            log = (self.root / f"terminal-{len(self.left_running)}.log").open("wb")
            started = subprocess.Popen(
                shlex.split(command),
                cwd=self.root,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self.left_running.append(started)
            if command.startswith(("workaday up", "workaday dev")):
                self.wait_for_tasks(started, command)
            return
        got = self.run(shlex.split(command), command)
        assert matches(output, got), f"`{command}` printed\n{got}\nand not\n" + "\n".join(output)

    def run(self, command: list[str], what: str) -> str:
        if command[0] == "python":
            command = [sys.executable, *command[1:]]
        ended = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=90, check=False)
        reached.scan(ended.stdout + ended.stderr)
        told = "\n".join(f"--- {log.name}\n{log.read_text()[-1500:]}" for log in self.root.glob("*.log"))
        assert ended.returncode == 0, f"{what} ended with {ended.returncode}\n{ended.stdout}{ended.stderr}\n{told}"
        return ended.stdout

    def wait_for_tasks(self, supervisor: subprocess.Popen[bytes], command: str) -> None:
        """What the reader sees in the other terminal: the workers are there and have said which tasks they know."""
        ends = time.monotonic() + 30
        while time.monotonic() < ends and supervisor.poll() is None:
            asked = subprocess.run(
                ["workaday", "task", "list", "--json"], cwd=self.root, env=self.environment, capture_output=True, check=False
            )
            if asked.returncode == 0 and b'"name"' in asked.stdout:
                return
            time.sleep(0.02)
        logs = "\n".join(log.read_text()[-1500:] for log in self.root.glob("*.log"))
        raise AssertionError(f"`{command}` knows no task after 30 s\n{asked.stdout.decode()}{asked.stderr.decode()}\n{logs}")

    def own_a_store(self) -> None:
        """Who opens a runbook has a store with jobs in it."""
        (self.root / "jobs.py").write_text("from workaday import App\n\napp = App('shop')\n\n\n@app.task\ndef work(n: int) -> None: ...\n")
        self.run([sys.executable, "-c", "import jobs; jobs.work.enqueue(1)"], "the first job")

    def close(self) -> None:
        for process in self.left_running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.left_running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Page]:
    page = Page(tmp_path)
    yield page
    page.close()


@pytest.mark.parametrize("page", [page for page in PAGES if runs(page)], ids=str)
def test_a_reader_can_follow_the_page(page: Path, reader: Page) -> None:
    if "runbooks" in page.parts:
        reader.own_a_store()
    for block in blocks(page):
        try:
            reader.follow(block)
        except AssertionError as error:
            raise AssertionError(f"{page}, line {block.line}: {error}") from error
        for process in reader.left_running:
            code = process.poll()
            assert code in (None, 0), f"{page}, line {block.line}: what was left running ended with {code}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    folder = (TREE / page).parent
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", (TREE / page).read_text(encoding="utf-8")))
    dead = [target for target in LINK.findall(text) if not (folder / target).exists()]
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_block_names_its_language(page: Path) -> None:
    """A block without a language would be skipped in silence."""
    bare = [block.line for block in blocks(page) if not block.language]
    assert not bare


def test_a_block_that_lies_is_found(reader: Page) -> None:
    """The test of the test: wrong output, a failing script and a failing command are each refused."""
    for wrong in (
        Block("console", None, "$ echo hello\ngoodbye\n", 1),
        Block("console", None, "$ false\n", 1),
        Block("python", None, "raise SystemExit(1)\n", 1),
    ):
        with pytest.raises(AssertionError):
            reader.follow(wrong)
    reader.follow(Block("console", None, "$ echo hello big world\nhello…world\n", 1))
