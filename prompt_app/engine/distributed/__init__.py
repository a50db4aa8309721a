"""Runs spread over workers by Celery. Messages only say where work is: what is done and by whom
stands in the store, so that a message that is lost, late or delivered twice does no harm."""
