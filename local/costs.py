"""`make costs`: what a million messages cost on AWS, from list prices and what `make bench` counted.

Prices are us-east-1's; carrier fees come on top.
"""

import json
from typing import NamedTuple

from local import paths
from local.trouble import run

MILLION = 1_000_000
# us-east-1, in dollars
WRITE_UNITS = 0.625 / MILLION
READ_UNITS = 0.125 / MILLION
TRANSITIONS = 25 / MILLION
API_REQUESTS = 3.50 / MILLION
QUEUE_REQUESTS = 0.40 / MILLION
INVOCATIONS = 0.20 / MILLION
GB_SECONDS = 0.0000133334  # arm64
MONTHLY = {"the key": 1.00, "alarms": 16 * 0.10, "three secrets": 3 * 0.40}  # the first dashboards are free

# counted by `make bench`; these stand in until it has run
ASSUMED = {"write_units_per_message": 2.15, "send_cpu_us_per_message": 300.0, "receipt_cpu_us": 120.0}
READ_UNITS_PER_MESSAGE = 1.2  # the bound that is held
SLICE = 100  # recipients a call
CARRIER_SECONDS = 0.2  # that it takes to answer one
RECEIPTS_PER_POST = (100, 1)
TRANSITIONS_PER_THOUSAND = 4
WARM_WRITES = 4000  # per second, a new on-demand table


class Line(NamedTuple):
    """One row of the bill."""

    what: str
    units: float
    price: float

    @property
    def dollars(self) -> float:
        return self.units * self.price


def bill(figures: dict[str, float], receipts_per_post: int) -> list[Line]:
    """For a million messages with one receipt each."""
    posts = MILLION / receipts_per_post
    work = MILLION * (figures["send_cpu_us_per_message"] + figures["receipt_cpu_us"]) / MILLION
    return [
        Line("DynamoDB write units", MILLION * figures["write_units_per_message"], WRITE_UNITS),
        Line("DynamoDB read units", MILLION * READ_UNITS_PER_MESSAGE, READ_UNITS),
        Line("Step Functions transitions", MILLION / 1000 * TRANSITIONS_PER_THOUSAND, TRANSITIONS),
        Line("API Gateway, receipts posted", posts, API_REQUESTS),
        Line("SQS requests", posts * 3, QUEUE_REQUESTS),
        Line("Lambda invocations", posts + posts / 10, INVOCATIONS),
        Line("Lambda GB-seconds of work", work, GB_SECONDS),
        Line("… waiting for the carrier", MILLION / SLICE * CARRIER_SECONDS, GB_SECONDS),
    ]


def main() -> int:
    """Print the bill for receipts in batches and one by one."""
    measured = paths.KABAR / "bench.json"
    found = json.loads(measured.read_text()) if measured.exists() else {}
    figures = {name: float(found.get(name, value)) for name, value in ASSUMED.items()}
    missing = sorted(ASSUMED.keys() - found.keys())
    print(
        f"Assumed, since `make bench` hasn't counted it: {', '.join(missing)}" if missing else "As counted."
    )
    for receipts in RECEIPTS_PER_POST:
        lines = bill(figures, receipts)
        print(f"\nA million messages, {receipts} receipt{'s' if receipts > 1 else ''} a post")
        for line in lines:
            print(
                f"  {line.what:<30} {line.units:>12,.0f}  × ${line.price * MILLION:>8.4f}/M  ${line.dollars:6.2f}"
            )
        print(f"  {'':<30} {'':>12}    {'':>11}  ${sum(line.dollars for line in lines):6.2f}")
    print(f"\nEvery month, with or without messages: ${sum(MONTHLY.values()):.2f} ({', '.join(MONTHLY)}).")
    print("Logs ($0.50 a GB), storage ($0.25 a GB in tables) and carrier fees come on top.")
    print(
        f"\nA million takes 1,000,000 ÷ the carrier's rate; a new table is warm for {WARM_WRITES:,} writes/s:"
    )
    for rate in (100, 1000, 10_000):
        writes = rate * figures["write_units_per_message"]
        warm = "" if writes <= WARM_WRITES else "  warm the people table first"
        print(f"  {rate:>6,} a second: {MILLION / rate / 3600:6.1f} h, {writes:>7,.0f} writes/s{warm}")
    return 0


if __name__ == "__main__":
    run(main)
