"""The ``prompt-app`` command. One file a command; each imports what it needs when it runs, so
that ``--help`` stays quick.

Exit codes: 0 done; 1 failed; 2 wrong input; 3 a threshold was missed; 4 a run did not finish
(paused, cancelled or failed); 130 interrupted.
"""

import gc

gc.disable()  # imports make no garbage, and looking for it takes a quarter of their time

from prompt_app.cli.application import main  # noqa: E402

gc.enable()

__all__ = ["main"]
