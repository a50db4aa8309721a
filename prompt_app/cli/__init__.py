"""The ``prompt-app`` command. One file a command; each imports what it needs when it runs, so
that ``--help`` stays quick.

Exit codes: 0 done; 1 failed; 2 wrong input; 3 a threshold was missed; 4 a run did not finish
(paused, cancelled or failed); 130 interrupted.
"""

import gc

gc.set_threshold(10_000, 5, 5)
# Imports make no garbage and samples leave few cycles behind: looking for some after every 700
# objects, as Python does, costs a quarter of the start and a fifth of a worker's time. Looking
# much more seldom lets them pile up.

from prompt_app.cli.application import main  # noqa: E402

__all__ = ["main"]
