"""Whether a number can exist, by the numbering plans that libphonenumber knows [B3]."""


def implausible(mobile: str) -> bool:
    """Whether no numbering plan has this number, which is in international form (`+<digits>`)."""
    import phonenumbers  # only here, and in no layer but that of imports

    try:
        return not phonenumbers.is_valid_number(phonenumbers.parse(mobile))
    except phonenumbers.NumberParseException:  # an unknown country, say
        return True
