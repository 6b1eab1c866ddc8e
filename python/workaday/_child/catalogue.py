"""What an app says of its tasks, for a look before the deploy: `python -m workaday._child.catalogue module:app`.

The module is imported as a worker imports it, in a process of its own; nothing runs and no store is opened. The answer
is one JSON object on standard output; what the module prints at its import goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

IMPORT_WITHIN_S = 60


def main() -> int:
    """Prints the catalogue, or why the import failed."""
    from workaday._child.main import import_error, load

    answer = os.dup(1)
    os.dup2(2, 1)
    signal.alarm(IMPORT_WITHIN_S)
    said: dict[str, Any]
    try:
        said = {"catalogue": load(sys.argv[1]).catalogue()}
    except BaseException as error:  # sys.exit in a module is an import that failed, too
        said = {"import_error": import_error(error)}
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        json.dump(said, out)
    return 0


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # threads and exit handlers of the module are none of ours
