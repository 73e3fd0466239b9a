"""What goes in and out of the API about carriers [L1] [L3] [L4]."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from kabar.domain.circuit import Circuit
from kabar.domain.statuses import Status
from schemas import Request, Time, View, moment

Text = Annotated[str, Field(max_length=200)]
Path = Annotated[
    str,
    Field(max_length=200, pattern=r"^[!-~]*$", description="Such as `messages.0.id`.", examples=["status"]),
]
Said = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=50)]
Codes = Annotated[list[Annotated[int, Field(ge=400, le=599)]], Field(max_length=20)]
Header = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9-]*$")]
Url = Annotated[str, Field(max_length=2048, examples=["https://api.example.com"])]
Secret = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=1000,
        pattern=r"^[!-~]+$",
        description="Kept in the secret store and never shown again; null leaves what is there.",
    ),
]
Percent = Annotated[int, Field(ge=1, le=100)]
MAX_TEMPLATE = 4000


class Pace(Request):
    """What an account may be asked to do, and when a campaign through it is paused."""

    base_url: Url
    api_key: Secret = None
    rate: Annotated[int, Field(ge=1, le=100_000, description="Segments a second, over all campaigns.")]
    most_failed_percent: Percent = Field(
        default=50, description="A campaign is paused once more of its last messages failed or were refused."
    )
    most_opted_out_percent: Percent = Field(
        default=10, description="A campaign is paused once more of its last recipients opted out."
    )
    use: bool = Field(
        default=True, description="Campaigns that are made from now on go through this carrier."
    )
    new_webhook: bool = Field(
        default=False, description="Make a new webhook address and password; the old address stays."
    )


class InfobipForm(Pace):
    """An account at Infobip: its base URL and an API key with the scope `sms:message:send`."""

    slice: Annotated[int, Field(ge=1, le=100, description="Recipients per call.")] = 100


class AnswerForm(Request):
    """How an answer is read; a word that isn't named here is unknown, never a success."""

    path: Path = Field(
        default="", description="Where the word is; empty: any 2xx with an id is an acceptance."
    )
    accepted: Said = Field(default=[], examples=[["accepted"]])
    rejected: Said = Field(default=[], description="This recipient was refused.", examples=[["rejected"]])
    duplicate: Said = Field(default=[], description="It had this `{id}` before.", examples=[["duplicate"]])
    refused: Said = Field(
        default=[], description="The account was refused: the campaign is paused.", examples=[["no credit"]]
    )
    id_path: Path = Field(default="", description="Where the gateway's own message id is.", examples=["id"])

    @model_validator(mode="after")
    def _says_something(self) -> "AnswerForm":
        if not (self.accepted if self.path else self.id_path):
            raise ValueError("say which words mean accepted, or where the message id is")
        return self


class PostsForm(Request):
    """How receipts or replies are posted: paths within each entry of the list at `items`; empty: the post is one."""

    format: Literal["json", "form"] = "json"
    items: Path = ""
    id: Path = Field(default="id", examples=["ref"])
    own_id: bool = Field(
        default=False, description="Receipts name the gateway's own message id, not `{id}` of ours."
    )
    mobile: Path = Field(default="", examples=["to"])
    status: Path = Field(default="status")
    code: Path = ""
    at: Path = Field(default="", description="ISO 8601 with an offset, or epoch seconds or milliseconds.")
    to: Path = ""
    text: Path = ""
    part: Path = Field(default="", description="Of a long reply in parts: which part it is, from 1 on.")
    parts: Path = Field(default="", description="How many parts it has.")
    part_of: Path = Field(default="", description="What its parts have in common; empty: replies come whole.")
    statuses: dict[Annotated[str, Field(min_length=1, max_length=50)], str] = Field(
        default={},
        max_length=50,
        description="Its words for our statuses, besides the usual ones.",
        examples=[{"OK": "received"}],
    )

    @field_validator("statuses")
    @classmethod
    def _known(cls, statuses: dict[str, str]) -> dict[str, str]:
        known = {status.word for status in Status if status >= Status.SENT}
        wrong = sorted(set(statuses.values()) - known)
        if wrong:
            raise ValueError(f"{wrong[0]} is no status of a receipt: {', '.join(sorted(known))}")
        return statuses


class ProofForm(Request):
    """How the gateway proves its posts: `basic`, the secret itself in a `header`, or an `hmac` of the raw body."""

    scheme: Literal["basic", "header", "hmac"] = "basic"
    header: Header = Field(default="", examples=["X-Signature"])
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Annotated[str, Field(max_length=50)] = Field(default="", examples=["sha256="])
    timestamp_header: Header = Field(
        default="", description="With it the HMAC is of `<epoch seconds>.<body>` and good for five minutes."
    )

    @model_validator(mode="after")
    def _named(self) -> "ProofForm":
        if self.scheme != "basic" and not self.header:
            raise ValueError("name the header that proves a post")
        return self


class GatewayForm(Pace):
    """Any gateway that takes one message per HTTP call; strings of `headers` and `fields` may hold `{to}` `{text}`
    `{from}` `{id}` `{alphabet}` `{receipts_url}` `{user}` `{secret}`.
    """

    user: Annotated[
        str | None, Field(max_length=200, description="For `{user}`; null leaves what is there.")
    ] = None
    connections: Annotated[
        int, Field(ge=1, le=480, description="Calls at the same time, over all campaigns.")
    ] = 48
    method: Literal["POST", "GET", "PUT"] = "POST"
    format: Literal["json", "form", "query"] = Field(default="json", description="How `fields` are sent.")
    headers: dict[Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9-]+$")], Text] = (
        Field(default={}, max_length=20, examples=[{"X-Api-Key": "{secret}"}])
    )
    fields: dict[Annotated[str, Field(min_length=1, max_length=100)], Any] = Field(
        max_length=50, examples=[{"to": "{to}", "from": "{from}", "text": "{text}", "ref": "{id}"}]
    )
    plus: bool = Field(default=False, description="Numbers begin with `+`.")
    alphabets: dict[str, Text] = Field(
        default={}, max_length=5, description="What `{alphabet}` is for each of ours."
    )
    encodings: list[Literal["turkish_single", "turkish_locking", "turkish_both", "ucs2"]] = Field(
        default=[], max_length=5, description="Besides `gsm`: those that it charges as we count them."
    )
    promise: Literal["dedupes", "echoes", "nothing"] = Field(
        default="nothing",
        description="When an answer is lost: it `dedupes` by `{id}` (messages are sent again), `echoes` it in "
        "receipts, or `nothing` (they are uncertain, and never sent again).",
    )
    rejecting: Codes = Field(
        default=[], description="HTTP statuses that refuse the recipient, not the account."
    )
    busy: Codes = Field(
        default=[], description="HTTP statuses that say that nothing was processed, such as 503."
    )
    answer: AnswerForm
    receipts: PostsForm = PostsForm(id="ref", mobile="to")
    replies: PostsForm = PostsForm(mobile="from", to="to", text="text", status="")
    proof: ProofForm = ProofForm()

    @model_validator(mode="after")
    def _whole(self) -> "GatewayForm":
        template = json.dumps(self.fields)
        if len(template) > MAX_TEMPLATE:
            raise ValueError(f"the fields have more than {MAX_TEMPLATE} characters")
        if not ("{to}" in template and "{text}" in template):
            raise ValueError("the fields need {to} and {text}")
        if self.format != "json" and not all(isinstance(value, str) for value in self.fields.values()):
            raise ValueError("a form or query has only texts")
        if self.promise != "nothing" and "{id}" not in template:
            raise ValueError("a gateway that doesn't get {id} can promise nothing by it")
        if self.receipts.own_id and not self.answer.id_path:
            raise ValueError("receipts by the gateway's own id need answer.id_path")
        if not self.receipts.own_id and not self.receipts.mobile:
            raise ValueError("receipts need the path of the number")
        return self

    def gateway(self) -> dict[str, Any]:
        """As storage keeps what `kabar.carriers.generic.Gateway` is made of."""
        names = (
            *("method", "format", "headers", "fields", "plus", "alphabets", "encodings", "promise"),
            *("rejecting", "busy", "answer", "receipts", "replies"),
        )
        kept: dict[str, Any] = self.model_dump(mode="json", include=set(names))
        return kept


class CarrierView(View):
    """A carrier of the workspace; nothing of it that is secret."""

    name: Literal["infobip", "http"]
    configured: bool
    used: bool = Field(description="Campaigns that are made now go through it.")
    has_key: bool
    base_url: str | None
    rate: int | None
    slice: int | None = Field(description="Recipients per call.")
    connections: int | None = Field(description="Calls at the same time, where each carries one message.")
    most_failed_percent: int | None
    most_opted_out_percent: int | None
    gateway: dict[str, Any] | None = Field(description="As it was saved, for `http`.")
    proof: dict[str, Any] | None = Field(description="As it was saved, for `http`.")

    @classmethod
    def of(
        cls, name: Literal["infobip", "http"], stored: Mapping[str, Any] | None, used: str
    ) -> "CarrierView":
        stored, configured = stored or {}, stored is not None
        return cls(
            name=name,
            configured=configured,
            used=used == name,
            has_key=configured,
            base_url=stored.get("base_url"),
            rate=stored.get("rate"),
            slice=stored.get("slice") if name != "http" else 1 if configured else None,
            connections=stored.get("connections"),
            most_failed_percent=stored.get("most_failed_percent", 50 if configured else None),
            most_opted_out_percent=stored.get("most_opted_out_percent", 10 if configured else None),
            gateway=stored.get("gateway"),
            proof=stored.get("proof"),
        )


class Outage(View):
    """API messages, responses and tests wait while their carrier gives no results; none of them fails by it."""

    carrier: Literal["infobip", "http"]
    since: Time = Field(description="When it began.")
    reason: str = Field(description="What was met, for people.")
    next_try: Time | None = Field(description="One message then tries for all; null: one is trying.")

    @classmethod
    def of(cls, carrier: Literal["infobip", "http"], circuit: Circuit) -> "Outage":
        next_try = None if circuit.trying > circuit.open_until else moment(circuit.open_until)
        since = moment(circuit.since) or ""
        return cls(carrier=carrier, since=since, reason=circuit.reason, next_try=next_try)


class CarrierList(View):
    """The workspace's carriers."""

    data: list[CarrierView]
    outages: list[Outage] = Field(description="Those that take nothing just now.")


class WebhookView(View):
    """Where the carrier posts, and how it proves to be itself. Shown only now."""

    receipts_url: str
    replies_url: str
    user: str
    password: str = Field(description="For `basic`; the secret itself for `header` and `hmac`.")


class SavedCarrier(View):
    """What was saved; `webhook` when one was made."""

    carrier: CarrierView
    webhook: WebhookView | None


class CarrierTest(View):
    """What came of trying the account."""

    ok: bool
    detail: str = Field(examples=["Infobip takes the key."])
