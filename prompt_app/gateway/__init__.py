"""The gateway: prompts, pipelines and models over HTTP."""

from prompt_app.gateway.application import create_gateway, serve

__all__ = ["create_gateway", "serve"]
