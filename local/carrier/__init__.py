"""A strict simulator of Infobip's SMS API, written from its specification only.

It knows nothing of our connector: what it accepts and refuses is decided by the public wire format.
What Infobip knows but this simulator does not act on (scheduling, delivery windows, transliteration,
national languages, link tracking, binary content) is refused rather than silently ignored.
"""
