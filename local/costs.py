"""`make costs`: what a million messages cost on AWS, from list prices and what `make bench` counted.

Prices are us-east-1's; carrier fees come on top.
"""

import json
from typing import NamedTuple

from local import package, paths
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
ALARMS = 0.10  # each but the first ten; the first dashboards are free
POLLS = 5 * 3 * 60 * 24 * 30  # a month: Lambda asks an idle queue with five calls at a time, 20 seconds each

# counted by `make bench`; these stand in until it has run
ASSUMED = {
    "write_units_per_message": 2.15,
    "read_units_per_message": 1.2,
    "transitions_per_1000": 4.0,
    "send_cpu_us_per_message": 300.0,
    "receipt_cpu_us": 120.0,
}
SLICE = 100  # recipients a call
CARRIER_SECONDS = 0.2  # that it takes to answer one
RECEIPTS_PER_POST = (100, 1)
WARM_WRITES, WARM_READS = 4000, 12_000  # units a second that a new on-demand table takes
PARTITION_WRITES = 1000  # units a second that one partition takes
RATES = (100, 1000, 10_000)  # messages a second
RECIPIENTS = (10_000, 1_000_000, 100_000_000)


class Line(NamedTuple):
    """One row of the bill."""

    what: str
    units: float
    price: float

    @property
    def dollars(self) -> float:
        return self.units * self.price


def monthly() -> dict[str, float]:
    """What is paid with or without messages, by what for."""
    template = package.load()
    alarms = len(list(package.resources(template, "AWS::CloudWatch::Alarm")))
    queues = [
        event
        for _, function in package.resources(template, "AWS::Serverless::Function")
        for event in function.get("Events", {}).values()
        if event["Type"] == "SQS"
    ]
    return {
        "the key": 1.00,
        f"{alarms} alarms": max(0, alarms - 10) * ALARMS,
        "three secrets": 3 * 0.40,
        f"asking {len(queues)} queues": len(queues) * POLLS * QUEUE_REQUESTS,
    }


def bill(figures: dict[str, float], receipts_per_post: int) -> list[Line]:
    """For a million messages with one receipt each."""
    posts = MILLION / receipts_per_post
    work = MILLION * (figures["send_cpu_us_per_message"] + figures["receipt_cpu_us"]) / MILLION
    return [
        Line("DynamoDB write units", MILLION * figures["write_units_per_message"], WRITE_UNITS),
        Line("DynamoDB read units", MILLION * figures["read_units_per_message"], READ_UNITS),
        Line("Step Functions transitions", MILLION / 1000 * figures["transitions_per_1000"], TRANSITIONS),
        Line("API Gateway, receipts posted", posts, API_REQUESTS),
        Line("SQS requests", posts * 3, QUEUE_REQUESTS),
        Line("Lambda invocations", posts + posts / 10, INVOCATIONS),
        Line("Lambda GB-seconds of work", work, GB_SECONDS),
        Line("… waiting for the carrier", MILLION / SLICE * CARRIER_SECONDS, GB_SECONDS),
    ]


def per_million(figures: dict[str, float]) -> dict[str, float]:
    """`usd_per_million`: what a million costs with receipts in batches, once everything it takes was counted."""
    if ASSUMED.keys() - figures.keys():
        return {}
    return {"usd_per_million": sum(line.dollars for line in bill(figures, RECEIPTS_PER_POST[0]))}


def drain(recipients: int, rate: int) -> str:
    """How long it takes, in the unit that reads best."""
    seconds = recipients / rate
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def warm_up(figures: dict[str, float], rate: int) -> str:
    """What the people table must be warmed for before the first message at this rate; empty for nothing."""
    writes, reads = rate * figures["write_units_per_message"], rate * figures["read_units_per_message"]
    if writes <= WARM_WRITES and reads <= WARM_READS:
        return "a new table takes it"
    partitions = -(-int(writes) // PARTITION_WRITES)
    return f"warm it for {writes:,.0f} writes and {reads:,.0f} reads a second ({partitions} partitions)"


def main() -> int:
    """Print the bill for receipts in batches and one by one, how long campaigns take, and what they need first."""
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
    idle = monthly()
    print(f"\nEvery month, with or without messages: ${sum(idle.values()):.2f} ({', '.join(idle)}).")
    print(
        "Logs ($0.50 a GB), traces ($5 a million; AWS takes one call in twenty), storage ($0.25 a GB in tables and "
        "$0.20 for their recovery) and carrier fees come on top."
    )
    print("\nHow long a campaign takes, and the people table at that rate:")
    print("  " + "messages a second".ljust(20) + "".join(f"{n:>14,}" for n in RECIPIENTS))
    for rate in RATES:
        times = "".join(f"{drain(recipients, rate):>14}" for recipients in RECIPIENTS)
        print(f"  {rate:>17,}   {times}   {warm_up(figures, rate)}")
    return 0


if __name__ == "__main__":
    run(main)
