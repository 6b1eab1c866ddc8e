"""The application whose store the harnesses torment: a task for jobs made by hand, and one that is due each minute."""

from __future__ import annotations

from workaday import App, cron

app = App("chaos")
MINUTE_US = 60_000_000
EPOCH_US = 1_900_000_020_000_000 // MINUTE_US * MINUTE_US
"""Where the harnesses' clock starts, on a full minute: the same in every run."""


@app.task
def work(n: int, text: str = "") -> int:
    return n


@app.task(schedule=cron("* * * * *", catch_up="all", limit=100))
def beat() -> None:
    """Due each minute; every tick is to have one job or one reason."""


commands = App("command")


@commands.task(name="command.work")
def command_work() -> None:
    """Stands for `[command.work]` of a workaday.toml: the client enqueues by name, the supervisor runs the command."""


command_work.lane = "command"  # as `workaday enqueue` writes it, which learns it from the catalogue


def catalogue(*, schedules: bool) -> list[dict[str, object]]:
    entries = app.catalogue()
    if not schedules:
        for entry in entries:
            entry.pop("schedules", None)
    return entries
