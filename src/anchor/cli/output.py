"""What a command shows: for people on a terminal, or one JSON document with ``--json``.

Answers go to standard output, everything about the way there (progress, warnings, errors) to standard
error, so that output can be piped.
"""

import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from anchor.cli.failures import CommandFailed
from anchor.protocol.strict_json import NumberText
from anchor.protocol.visible_text import visible, visible_id

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.table import Table


_KEPT: Final = "\n\t"


class Terminal(Console):
    """rich's console; what cannot be seen of a text is written out before markup is read in it."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text as rich shows it, but ``:name:`` as it stands and not as a picture."""
        return super().render_str(visible(text, _KEPT), **(options | {"emoji": False}))


SHOWN_AFTER_SECONDS: Final = 0.5
"""What is over before that shows no progress: nothing flickers by."""

_LAST_MS: Final = 253_402_300_799_999
_LINE_BREAKS: Final = re.compile(r"\n *")


class Output:
    """One command's output. ``as_json``: a single JSON document instead of text and tables."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._console: Console | None = None
        self._errors: Console | None = None
        self._in_progress = False

    @property
    def console(self) -> "Console":
        """Return rich's console on standard output."""
        if self._console is None:
            from anchor.cli.output import Terminal

            self._console = Terminal(highlight=False, soft_wrap=False)
        return self._console

    @property
    def errors(self) -> "Console":
        """Return rich's console on standard error."""
        if self._errors is None:
            from anchor.cli.output import Terminal

            self._errors = Terminal(stderr=True, highlight=False)
        return self._errors

    def json(self, value: Any) -> None:
        """Write one JSON document. Decimals keep their digits."""
        sys.stdout.write(json_bytes(exact_json(value)).decode() + "\n")
        sys.stdout.flush()

    def json_line(self, value: Any) -> None:
        """Write one JSON document on a line of its own, for commands that answer more than once."""
        # A line break in a text is written as its escape: those that are there separate entries.
        sys.stdout.write(_LINE_BREAKS.sub(" ", json_bytes(exact_json(value)).decode()) + "\n")
        sys.stdout.flush()

    def say(self, text: str = "") -> None:
        """Write a line for people; nothing with ``--json``."""
        if not self.as_json:
            self.console.print(text)

    def line(self, text: str = "") -> None:
        """Write a line that is never broken, so that it can be copied; nothing with ``--json``."""
        if not self.as_json:
            self.console.print(text, soft_wrap=True)

    def bytes(self, content: bytes) -> None:
        """Write a file's content as it is to standard output."""
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()

    def pairs(self, *pairs: tuple[str, Any]) -> None:
        """Write names and values under each other, values in rich's markup and never broken.

        Nothing with ``--json``.
        """
        if self.as_json:
            return
        width = max(len(name) for name, _ in pairs)
        for name, value in pairs:
            self.console.print(f"[dim]{name:<{width}}[/]  {value}", soft_wrap=True)

    def note(self, text: str) -> None:
        """Write a line about the way there to standard error, never broken: it may name a command."""
        self.errors.print(text, soft_wrap=True)

    def table(self, *columns: str, title: str | None = None, right: Sequence[str] = ()) -> "Table":
        """Return an empty table in the house's style; ``right`` names the columns of figures.

        What is too long for its column goes on in the next line: an address that ends in dots pays nobody.
        """
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column, justify="right" if column in right else "left", overflow="fold")
        return table

    @contextmanager
    def progress(self, what: str, total: int | None, unit: str = "") -> Iterator["Bar"]:
        """Show a progress bar on standard error while the block runs, from ``SHOWN_AFTER_SECONDS`` on.

        ``what`` is shown as it stands. There is none where nobody watches, and none within another's block:
        the outer one tells it all.
        """
        if self.as_json or self._in_progress or not self.errors.is_terminal:
            yield Bar(None, None)
            return
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        if total is not None:
            done = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
            columns += [BarColumn(), done, TimeRemainingColumn()]
        columns.append(TimeElapsedColumn())
        # The streams stay what they are: logs that begin meanwhile keep them, and answers may be piped.
        progress = Progress(
            *columns, console=self.errors, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._in_progress = True
        try:
            with _shown_late(progress):
                yield Bar(progress, progress.add_task(visible(what, _KEPT), total=total))
        finally:
            self._in_progress = False


@contextmanager
def _shown_late(progress: "Progress") -> Iterator[None]:
    """Show the progress while the block runs, once it has run for ``SHOWN_AFTER_SECONDS``."""
    over = threading.Event()

    def show() -> None:
        if not over.wait(SHOWN_AFTER_SECONDS):
            progress.start()

    waiting = threading.Thread(target=show, name="progress", daemon=True)
    waiting.start()
    try:
        yield
    finally:
        over.set()
        waiting.join()
        progress.stop()


class Bar:
    """A progress bar, or nothing where nobody watches."""

    def __init__(self, progress: "Progress | None", task: "TaskID | None") -> None:
        self._progress = progress
        self._task = task

    def advance(self, steps: int = 1) -> None:
        """Say that so many more are done."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, steps)

    def reach(self, done: int, total: int) -> None:
        """Say how many are done, and of how many."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def describe(self, what: str) -> None:
        """Say what is being done now."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=what)


def plain(text: object) -> str:
    """Return what somebody else named, as markup that shows it as it stands."""
    from rich.markup import escape

    shown = str(text)
    body = shown.rstrip("\\")
    # Before a tag of ours two backslashes are one, and before anything else they are two: so a tag follows.
    rest = "\\" * 2 * (len(shown) - len(body))
    return escape(body) + (f"{rest}[not bold][/not bold]" if rest else "")


def shown_id(text: str) -> str:
    """Return an id (customer, unit, reference) as markup: told apart from every other (``visible_id``)."""
    return plain(visible_id(text))


def amount(value: Any, unit: str = "") -> str:
    """Return an exact amount with its digits in groups of three, and its unit, as rich's markup."""
    text = format(value, ",f") if isinstance(value, Decimal) else f"{int(value):,}"
    return f"{text} {shown_id(unit)}" if unit else text


def utc(ms: int, form: str = "%Y-%m-%d %H:%M") -> str:
    """Return a time (ms since 1970) in UTC; the number itself beyond the year 9999."""
    if not 0 <= ms <= _LAST_MS:
        return f"{ms:,} ms after 1970"
    return f"{datetime.fromtimestamp(ms // 1000, UTC).strftime(form)} UTC"


def counted(count: int, noun: str, nouns: str = "") -> str:
    """Return a count with its noun: 1 delta, 2 deltas. ``nouns``: of many, where an s is not enough."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"


def show_failure(failure: CommandFailed, as_json: bool) -> None:
    """Write why a command failed to standard error."""
    if as_json:
        problem = {"code": failure.code, "detail": failure.problem, "remedy": failure.remedy}
        sys.stderr.write(json_bytes(json.dumps(problem, ensure_ascii=False)).decode() + "\n")
        return
    from anchor.cli.output import Terminal

    console = Terminal(stderr=True, highlight=False)
    # Never broken, so that paths and commands can be copied.
    console.print(f"[bold red]anchor:[/] {plain(failure.problem)}", soft_wrap=True)
    if failure.remedy:
        console.print(f"        {plain(failure.remedy)}", soft_wrap=True)


def exact_json(value: Any, indent: str = "") -> str:
    """Return indented JSON in which a Decimal is a number with all its digits, and bytes are 0x… text."""
    inner = indent + "  "
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, bytes):
        return f'"0x{value.hex()}"'
    if isinstance(value, Mapping):
        entries = [
            f"{inner}{json.dumps(str(k), ensure_ascii=False)}: {exact_json(v, inner)}"
            for k, v in value.items()
        ]
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}" if entries else "{}"
    if isinstance(value, list | tuple):
        entries = [inner + exact_json(entry, inner) for entry in value]
        return "[\n" + ",\n".join(entries) + f"\n{indent}]" if entries else "[]"
    return json.dumps(value, ensure_ascii=False)


def json_bytes(text: str) -> bytes:
    """Return JSON in UTF-8. A lone surrogate is written as its escape, and so refused as what it is."""
    return text.encode(errors="backslashreplace")
