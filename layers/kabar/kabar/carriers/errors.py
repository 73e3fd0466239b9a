"""Errors of reading what carriers send us. What a call to a carrier can bring is in `kabar.domain.handover`."""


class BadWebhook(Exception):
    """A carrier's post that can't be read; says what is wrong with it."""
