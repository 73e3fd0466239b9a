"""What a person is told when a command can't go on: a sentence, not a traceback."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn


class Trouble(Exception):
    """Something that the user can act on; the message is the whole story."""


def run(main: Callable[[], int]) -> NoReturn:
    """Run a command: its number is the exit code, Trouble is printed and exits 1, Ctrl-C 130."""
    try:
        code = main()
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.stdout.flush()
    sys.exit(code)
