"""Acts of people and programs leave a line in the audit table, in the same transaction as the act."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workaday.app import App
    from workaday.client.database import Database


def audit(database: Database, app: App, action: str, target: str, why: str | None, now: int, detail: str | None = None) -> None:
    row = {"now": now, "who": who(app), "action": action, "target": target, "why": why, "detail": detail}
    database.execute("write_audit", row)


def who(app: App) -> str:
    """The app and the user it runs as; a person behind it is the app's to name in `reason`."""
    return f"app {app.name} (uid {os.getuid()})"
