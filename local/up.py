"""`make up`: start the stack, leave it running, say how to use it."""

import os

from local import paths, stack, trouble
from local.engine import CREDENTIALS


def main() -> int:
    running = stack.find()
    if running is not None:
        print("Kabar is already up.")
    else:
        running = stack.start(stack.UP, port=_port(), say=lambda step: print(f"· {step}", flush=True))
        print("\nKabar is up.")
    print(_hints(running))
    return 0


def _hints(running: stack.Stack) -> str:
    where = paths.LOCAL_JSON.relative_to(paths.ROOT)
    user = f"{CREDENTIALS['access_key_id']}:{CREDENTIALS['secret_access_key']}"
    bucket = f"{running.emulator_url}/{running.uploads_bucket}/{running.workspace}"
    return f"""
Call the API:
  curl -H 'Authorization: Bearer {running.api_key}' \\
    {running.api_url}/v1/lists

Drop a file into a list (the folder's name is the list's):
  curl --aws-sigv4 aws:amz:{CREDENTIALS["region"]}:s3 --user {user} -T people.csv \\
    {bucket}/lists/Customers/people.csv

What the simulated carrier was handed:
  curl {running.carrier_url}/_truth

Be told of receipts and replies: PUT /v1/callbacks/receipts with {{"url": "{running.callbacks_url}/receipts"}}; then
  curl {running.callbacks_url}/_got

All addresses and keys are in {where}; `make down` stops it."""


def _port() -> int | None:
    wish = os.environ.get("KABAR_PORT", "")
    if not wish:
        return None
    if not (wish.isdecimal() and 0 < int(wish) < 65536):
        raise trouble.Trouble(f"KABAR_PORT is {wish!r}: give a port number from 1 to 65535.")
    return int(wish)


if __name__ == "__main__":
    trouble.run(main)
