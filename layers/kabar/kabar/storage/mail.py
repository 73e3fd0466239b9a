"""Mail to people, by SES."""

from functools import cache
from typing import Any

import boto3


@cache
def client() -> Any:
    return boto3.client("ses")


def send(sender: str, to: str, subject: str, text: str) -> None:
    """Send one mail; botocore's errors are the caller's."""
    content = {
        "Subject": {"Data": subject, "Charset": "UTF-8"},
        "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
    }
    client().send_email(Source=sender, Destination={"ToAddresses": [to]}, Message=content)
