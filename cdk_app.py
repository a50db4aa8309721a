"""Synthesizes the deployment; run by the cdk command, as cdk.json says."""

from __future__ import annotations

import os
import sys

# Node 20 still works; its end-of-life notice would drown the messages of this program.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from aws_cdk import App

from cdk_src.acknowledgements import add_nag
from cdk_src.configuration import ConfigurationError, read_configuration
from cdk_src.stack import PromptAppStack


def main() -> int:
    """Synthesize what the environment configures; 2 if that is wrong."""
    try:
        configuration = read_configuration(os.environ)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    app = App()
    stack = PromptAppStack(app, configuration=configuration)
    if configuration.cdk_nag:
        add_nag(app, stack, configuration)
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
