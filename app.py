"""The door: the chat in the browser over one VIOT_HOME. Composition only; the page is ``viot_agent.web``'s.

Run ``python app.py [--host H] [--port P] [--auth NAME:PASSWORD] [--llm SPEC]``; ``viot chat`` is the same. It serves
this machine only unless told otherwise; nothing is fetched from outside.
"""

from __future__ import annotations

import sys

from viot_agent.errors import ViotError
from viot_agent.web.options import parse
from viot_agent.web.serve import run


def main() -> int:
    """Parse options and serve; the exit code is the error's, 0 after Ctrl-C."""
    try:
        run(parse())
    except ViotError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
