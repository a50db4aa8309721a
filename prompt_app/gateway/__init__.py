"""The gateway: prompts, pipelines and models over HTTP."""

from prompt_app.gateway.application import create_gateway, serve
from prompt_app.gateway.core import is_loopback

__all__ = ["create_gateway", "is_loopback", "serve"]
