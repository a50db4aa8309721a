"""The studio: a Streamlit app over the workbench."""

from pathlib import Path

ASGI_FILE = Path(__file__).with_name("asgi.py")
"""What ``streamlit run`` is given."""
