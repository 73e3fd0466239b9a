"""Who gets in: API keys at the door of the API [A2]."""

import re
from types import ModuleType, SimpleNamespace
from typing import Any

import jwt
import pytest

from kabar.domain.access import ROLES, Role
from kabar.storage import keys
from kabar.storage.api_keys import Keyring
from kabar.storage.dynamo import Table
from kabar.storage.sign_ins import Person
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import load, sample

NOW = 1_780_000_000_000
SETTINGS = {
    "KEY_PEPPER_SECRET": "key-pepper",
    "USER_POOL_ID": "eu-west-1_pool",
    "USER_POOL_CLIENT_ID": "client",
    "AWS_REGION": "eu-west-1",
}


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> FakeDynamo:
    fake = FakeDynamo()
    monkeypatch.setattr("time.time_ns", lambda: NOW * 1_000_000)
    return fake


@pytest.fixture
def authorizer(monkeypatch: pytest.MonkeyPatch, tables: FakeDynamo) -> ModuleType:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    secrets = SimpleNamespace(get_secret_value=lambda **_: {"SecretString": "pepper"})
    return load("authorizer", monkeypatch, dynamodb=tables, secretsmanager=secrets)


def keyring(tables: FakeDynamo, pepper: str = "pepper") -> Keyring:
    return Keyring(Table("workspaces", tables), Table("activity", tables), pepper.encode())


def make_key(tables: FakeDynamo, workspace: str = "acme", expires_at: int | None = None) -> str:
    number = len(tables.tables["workspaces"])
    scopes = ["lists:read", "lists:write"]
    _, key = keyring(tables).create(
        workspace, "Shop", scopes, by="test", now=NOW, number=number, expires_at=expires_at
    )
    return key


def key_id(key: str) -> str:
    return key.split("_", 2)[1]


def event(key: str | None, header: str = "authorization") -> dict[str, Any]:
    return sample("authorizer_key") | {"headers": {header: key} if key is not None else None}


def refused(authorizer: ModuleType, sent: dict[str, Any]) -> bool:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer.handler(sent, None)
    return True


@pytest.mark.parametrize("header", ["authorization", "Authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_key_leads_to_its_workspace(
    authorizer: ModuleType, tables: FakeDynamo, header: str, scheme: str
) -> None:
    key = make_key(tables)
    answer = authorizer.handler(event(f"{scheme} {key}", header), None)
    principal = f"key:{key.split('_')[1]}"
    assert answer["principalId"] == principal
    assert answer["context"] == {
        "workspace": "acme",
        "principal": principal,
        "role": "",
        "scopes": "lists:read lists:write",
    }


def test_the_answer_covers_the_whole_stage_so_that_it_can_be_cached(
    authorizer: ModuleType, tables: FakeDynamo
) -> None:
    (statement,) = authorizer.handler(event(f"Bearer {make_key(tables)}"), None)["policyDocument"][
        "Statement"
    ]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/live/*"


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer kb_",
        "Bearer kb__",
        "Bearer kb_0011223344556677",
        "Bearer kb_0011223344556677_",
        "Bearer kb_0011223344556677_secret",
        "Bearer kb_ünlü_geheim",
        "Bearer kb_1_ü",
        "Bearer kb_1_\ud800",
        "Bearer kb_" + "1" * 5000 + "_x",
        "Bearer kb_0011223344556677_" + "x" * 43,
        "Bearer kb_0011223344556677_" + "x" * 43 + "\n\n",
        "Basic YWNtZTpzZWNyZXQ=",
        "kb_0011223344556677_secret",
        "Bearer null",
    ],
)
def test_anything_else_is_refused_without_a_hint(authorizer: ModuleType, sent: str | None) -> None:
    assert refused(authorizer, event(sent))


def test_a_wrong_secret_is_refused(authorizer: ModuleType, tables: FakeDynamo) -> None:
    key, other = make_key(tables), make_key(tables, "rival")
    assert refused(authorizer, event(f"Bearer {key}x"))
    assert refused(authorizer, event(f"Bearer {key[:-1]}"))
    swapped = "_".join([*key.split("_")[:2], other.split("_", 2)[2]])
    assert refused(authorizer, event(f"Bearer {swapped}"))


@pytest.mark.parametrize(
    ("expires_at", "valid"), [(NOW - 1, False), (NOW, False), (NOW + 1, True), (None, True)]
)
def test_an_expired_key_is_refused(
    authorizer: ModuleType, tables: FakeDynamo, expires_at: int | None, valid: bool
) -> None:
    sent = event(f"Bearer {make_key(tables, expires_at=expires_at)}")
    assert authorizer.handler(sent, None) if valid else refused(authorizer, sent)


def test_only_a_hash_of_a_256_bit_secret_is_stored(tables: FakeDynamo) -> None:
    key = make_key(tables)
    assert re.fullmatch(r"kb_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", key)
    _, found, secret = key.split("_", 2)
    item = tables.find("workspaces", keys.api_key(found))
    assert item is not None
    assert secret not in str(item)
    assert len(item["hash"]) == 64


def test_a_refused_key_is_not_logged(
    authorizer: ModuleType, tables: FakeDynamo, caplog: pytest.LogCaptureFixture
) -> None:
    key = make_key(tables)
    refused(authorizer, event(f"Bearer {key}x"))
    authorizer.handler(event(f"Bearer {key}"), None)
    assert [record.message for record in caplog.records] == ["refused", "authorized"]
    assert key.split("_", 2)[2] not in str([vars(record) for record in caplog.records])


def test_the_hash_is_worthless_without_the_pepper(authorizer: ModuleType, tables: FakeDynamo) -> None:
    _, forged = keyring(tables, "another pepper").create("acme", "Forged", [], by="test", now=NOW, number=1)
    assert refused(authorizer, event(f"Bearer {forged}"))


def test_a_revoked_key_is_refused(authorizer: ModuleType, tables: FakeDynamo) -> None:
    key = make_key(tables)
    keyring(tables).revoke("acme", key_id(key), by="test", now=NOW)
    assert refused(authorizer, event(f"Bearer {key}"))


@pytest.mark.parametrize(("later", "old_is_good"), [(0, True), (3_599_999, True), (3_600_000, False)])
def test_two_secrets_of_a_rotated_key_are_good_for_the_overlap(
    authorizer: ModuleType,
    tables: FakeDynamo,
    monkeypatch: pytest.MonkeyPatch,
    later: int,
    old_is_good: bool,
) -> None:
    old = make_key(tables)
    _, new = keyring(tables).rotate("acme", key_id(old), overlap_ms=3_600_000, by="test", now=NOW)
    monkeypatch.setattr("time.time_ns", lambda: (NOW + later) * 1_000_000)
    assert key_id(new) == key_id(old)
    assert authorizer.handler(event(f"Bearer {new}"), None)["principalId"] == f"key:{key_id(old)}"
    assert (
        authorizer.handler(event(f"Bearer {old}"), None)
        if old_is_good
        else refused(authorizer, event(f"Bearer {old}"))
    )


def test_a_rotation_whose_answer_was_lost_does_not_end_the_secret_in_use(
    authorizer: ModuleType, tables: FakeDynamo
) -> None:
    old = make_key(tables)
    _, lost = keyring(tables).rotate("acme", key_id(old), overlap_ms=9_000, by="test", now=NOW)
    _, new = keyring(tables).rotate("acme", key_id(old), overlap_ms=9_000, by="test", now=NOW)
    assert authorizer.handler(event(f"Bearer {old}"), None)
    assert refused(authorizer, event(f"Bearer {lost}"))
    assert authorizer.handler(event(f"Bearer {new}"), None)
    _, newest = keyring(tables).rotate("acme", key_id(old), overlap_ms=9_000, by="test", now=NOW)
    assert authorizer.handler(event(f"Bearer {new}"), None)
    assert authorizer.handler(event(f"Bearer {newest}"), None)
    assert refused(authorizer, event(f"Bearer {old}"))


def test_the_last_use_is_noted_once_a_minute(
    authorizer: ModuleType, tables: FakeDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tables)
    noted = []
    for seconds in (0, 1, 59, 60, 61, 119, 120):
        monkeypatch.setattr("time.time_ns", lambda at=seconds: (NOW + 1000 * at) * 1_000_000)
        authorizer.handler(event(f"Bearer {key}"), None)
        item = tables.find("workspaces", keys.api_key(key_id(key)))
        assert item is not None
        noted.append((item["used_at"] - NOW) // 1000)
    assert noted == [0, 0, 0, 60, 60, 60, 120]
    assert tables.calls.count("update_item") == 3


# ---- people -----------------------------------------------------------------------------------------------

SUB = "0b6e1a52-5d0f-4a63-9a53-2f5d0e1c7a11"


@pytest.fixture
def signed_in(authorizer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Every token is good and speaks for a person of `acme`."""
    tokens = SimpleNamespace(verify=lambda _: Person("acme", SUB))
    monkeypatch.setattr(authorizer, "_tokens", lambda: tokens)
    return authorizer


@pytest.mark.parametrize("role", list(Role))
def test_somebody_who_signed_in_has_the_scopes_of_their_role(
    signed_in: ModuleType, tables: FakeDynamo, role: Role
) -> None:
    tables.seed("workspaces", keys.user("acme", SUB), role=role.value)
    assert signed_in.handler(event("Bearer a.b.c"), None)["context"] == {
        "workspace": "acme",
        "principal": f"user:{SUB}",
        "role": role.value,
        "scopes": " ".join(sorted(ROLES[role])),
    }


def test_a_removed_user_and_one_of_another_workspace_are_refused(
    signed_in: ModuleType, tables: FakeDynamo
) -> None:
    tables.seed("workspaces", keys.user("rival", SUB), role="owner")
    assert refused(signed_in, event("Bearer a.b.c"))


def test_the_keys_of_the_pool_come_from_where_it_is(
    authorizer: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def urlopen(url: str, timeout: int) -> Any:
        asked.append((url, timeout))
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    header = jwt.encode({}, "k" * 32, "HS256", headers={"kid": "k1"})
    with pytest.raises(OSError, match="no network"):
        authorizer.handler(event(f"Bearer {header}"), None)
    aws = "https://cognito-idp.eu-west-1.amazonaws.com"
    assert asked == [(f"{aws}/eu-west-1_pool/.well-known/jwks.json", 3)]
