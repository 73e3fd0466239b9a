"""Kabar: SMS campaigns that message nobody twice, skip nobody and respect every opt-out."""
