"""The one object that the studio, the command line, the gateway and Python programs talk to."""

from prompt_app.workbench.workbench import Workbench, open_workbench

__all__ = ["Workbench", "open_workbench"]
