"""Synthesizes the deployment; run by the cdk command, as cdk.json says."""

from __future__ import annotations

import os
import sys

from cdk_src.configuration import VARIABLES, Configuration, ConfigurationError, read_configuration
from cdk_src.spelling import misspelt


def main() -> int:
    """Synthesize what the environment configures; 2 if that is wrong."""
    for warning in misspelt(os.environ, VARIABLES):
        print(f"Warning: {warning}", file=sys.stderr)
    try:
        configuration = read_configuration(os.environ)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    synthesize(configuration)
    return 0


def synthesize(configuration: Configuration) -> None:
    """Write the assembly to where the cdk command says."""
    # Node 20 still works; its end-of-life notice would drown the messages of this program.
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
    # After that, and only for a configuration that is right: the library takes seconds to import.
    from aws_cdk import App

    from cdk_src.acknowledgements import add_nag
    from cdk_src.stack import PromptAppStack

    app = App()
    stack = PromptAppStack(app, configuration=configuration)
    if configuration.cdk_nag:
        add_nag(app, stack, configuration)
    app.synth()


if __name__ == "__main__":
    sys.exit(main())
