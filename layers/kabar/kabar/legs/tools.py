"""What everybody sends with: lanes of campaigns and message requests alike."""

from collections.abc import Callable
from dataclasses import dataclass

from kabar import carriers
from kabar.carriers.base import Call
from kabar.carriers.clients import Clients
from kabar.domain.slices import Timing
from kabar.legs.handover import CarrierAccount, Each
from kabar.storage.accounts import Opened
from kabar.storage.carrier_ids import CarrierIds
from kabar.storage.dynamo import Item, Table


@dataclass(frozen=True)
class SendEnvironment:
    workspaces_table: str
    dispatch_table: str
    people_table: str
    deployment: str
    lease_seconds: int
    ask_after_seconds: int
    give_up_seconds: int
    local_addresses: str


@dataclass(frozen=True)
class SendTools:
    """`call` makes one HTTP request, `wide` one of many side by side, which `each` starts; `alarm` tells people about
    what should never happen.
    """

    workspaces: Table
    dispatch: Table
    people: Table
    deployment: str
    timing: Timing
    call: Call
    wide: Call
    each: Each
    alarm: Callable[[str], None]

    @classmethod
    def of(cls, env: SendEnvironment, alarm: Callable[[str], None]) -> "SendTools":
        """The real ones."""
        clients = Clients(env.local_addresses)
        return cls(
            workspaces=Table(env.workspaces_table),
            dispatch=Table(env.dispatch_table),
            people=Table(env.people_table),
            deployment=env.deployment,
            timing=Timing.of(env.lease_seconds, env.ask_after_seconds, env.give_up_seconds),
            call=clients.call,
            wide=clients.wide,
            each=clients.each,
            alarm=alarm,
        )

    def handover(
        self, head: Item, opened: Opened, now: Callable[[], int], *, unattended: bool = False
    ) -> CarrierAccount:
        """The way to the account that `head`, a campaign or an `unattended` request, is sent over."""
        carrier = carriers.carrier(opened.carrier, opened.gateway)
        return CarrierAccount(
            carrier=carrier,
            account=opened.account,
            call=self.wide if carrier.batch == 1 else self.call,
            each=self.each,
            sender=head["sender"],
            book=CarrierIds(self.workspaces, self.dispatch, self.people, head, self.deployment, now),
            alarm=self.alarm,
            unattended=unattended,
        )
