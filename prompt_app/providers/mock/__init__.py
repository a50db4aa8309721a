"""The parts of the mock server, :mod:`prompt_app.providers.mock_server`."""
