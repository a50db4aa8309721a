"""Prompt engineering and evaluation studio.

``import prompt_app`` stays light: the pieces are imported from their own modules, and
:func:`prompt_app.workbench.open_workbench` wires them together.
"""

__version__ = "0.1.0"
