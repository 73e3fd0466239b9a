"""`python -m local.workspace`: the first workspace of a stack on AWS, with its carrier account and API key.

Uses your AWS credentials and region. The carrier's API key is asked for, or read from standard input; nothing
secret stands on the command line.
"""

import argparse
import getpass
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from kabar.storage.dynamo import Table
from kabar.storage.workspaces import WorkspaceExists
from local import bootstrap
from local.trouble import Trouble, run


def main() -> int:
    """Create it and print what the carrier and the first caller need; raises Trouble."""
    chosen = _arguments()
    session = boto3.session.Session()
    try:
        stacks = session.client("cloudformation").describe_stacks(StackName=chosen.stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
        typed = getpass.getpass("Infobip API key: ") if sys.stdin.isatty() else sys.stdin.readline()
        wanted = bootstrap.Wanted(
            chosen.name, chosen.timezone, chosen.email, chosen.sender, chosen.carrier_url, chosen.rate
        )
        table = Table(outputs["WorkspacesTable"], session.client("dynamodb"))
        account, replies_url = bootstrap.open_workspace(
            session.client, chosen.stack, table, outputs["ApiUrl"], wanted, typed.strip()
        )
        key = bootstrap.first_key(
            session.client, chosen.stack, outputs, chosen.name, "local.workspace", bootstrap.SCOPES
        )
    except (BotoCoreError, ClientError, ValueError) as error:
        raise Trouble(f"The workspace could not be made: {error}") from error
    except WorkspaceExists as error:
        raise Trouble(f"There is a workspace {error} already; nothing was changed.") from error
    print(f"API key, shown only now:  {key}")
    print(f"API:                      {outputs['ApiUrl']}")
    print(f"Drop files into:          s3://{outputs['UploadsBucket']}/{chosen.name}/lists/<list>/")
    print(f"Give Infobip for replies: {replies_url}")
    print(f"  with user and password: {account['webhook_user']}  {account['webhook_password']}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.workspace", description=__doc__)
    parser.add_argument("name", help="a-z, 0-9 and -, such as acme")
    parser.add_argument("--stack", default="kabar")
    parser.add_argument("--timezone", default="UTC", help="IANA name, such as Europe/Istanbul")
    parser.add_argument("--email", default="", help="where notices of the workspace go")
    parser.add_argument("--sender", required=True, help="the number or name that people see")
    parser.add_argument("--carrier-url", required=True, help="your Infobip base URL, with https://")
    parser.add_argument("--rate", type=int, default=100, help="segments a second that your account may send")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
