"""``python -m prompt_app.cli``."""

from prompt_app.cli import main

main()
