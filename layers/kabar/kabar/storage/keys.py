"""Every key of every table. Nothing else builds one.

Workspaces are slugs (`[a-z0-9-]`), ids are integers below 2**53, mobiles are `+<digits>`, times are epoch
milliseconds. Numbers are zero-padded where their order matters.
"""

import hashlib
from datetime import UTC, datetime
from zlib import crc32

Key = dict[str, str]

MEMBER_SHARDS = 16
CHUNKS_PER_PARTITION = 1000
BLACKLIST_SHARDS = 4
INBOX_SHARDS = 4
MARK_SHARDS = 4
HELD_SHARDS = 4
CALLBACK_SHARDS = 16


def _key(pk: str, sk: str) -> Key:
    return {"pk": pk, "sk": sk}


# ---- workspaces -----------------------------------------------------------------------------------------


def workspace_pk(workspace: str) -> str:
    return f"w#{workspace}"


def settings(workspace: str) -> Key:
    return _key(workspace_pk(workspace), "settings")


def list_head(workspace: str, list_id: int) -> Key:
    return _key(workspace_pk(workspace), f"list#{list_id:016d}")


def list_name(workspace: str, name: str) -> Key:
    """Leads from an exact name to the first list of that name."""
    return _key(workspace_pk(workspace), f"listname#{name}")


def import_head(workspace: str, import_id: str) -> Key:
    return _key(workspace_pk(workspace), f"import#{import_id}")


def import_object(workspace: str, object_key: str) -> Key:
    """Leads from an object's key to its newest import."""
    return _key(workspace_pk(workspace), f"importkey#{hashlib.sha256(object_key.encode()).hexdigest()}")


def import_time(workspace: str, at: int, import_id: str) -> Key:
    """Lists imports by time."""
    return _key(workspace_pk(workspace), f"importtime#{at:013d}#{import_id}")


def mark_note(list_id: int, import_id: str, mobile: str) -> Key:
    """Somebody who opted out of the list, or came back, while the import wrote it."""
    return _key(f"marks#{list_id}#{import_id}", mobile)


def export_head(workspace: str, subject: int, export_id: int) -> Key:
    """A download of a list, or of the recipients of a campaign."""
    return _key(workspace_pk(workspace), f"export#{subject:016d}#{export_id:016d}")


def prices(workspace: str) -> Key:
    return _key(workspace_pk(workspace), "prices")


def preflight(workspace: str, number: int) -> Key:
    return _key(workspace_pk(workspace), f"preflight#{number:016d}")


def preflight_of(workspace: str, campaign: int) -> Key:
    """Leads from a campaign to its newest pre-flight that is done."""
    return _key(workspace_pk(workspace), f"preflightof#{campaign:016d}")


def template(workspace: str, number: int) -> Key:
    return _key(workspace_pk(workspace), f"template#{number:016d}")


def campaign_head(workspace: str, campaign: int) -> Key:
    return _key(workspace_pk(workspace), f"campaign#{campaign:016d}")


def queued(workspace: str, due: int, campaign: int) -> Key:
    """A campaign's place in the workspace's queue, ordered by schedule [F4]."""
    return _key(workspace_pk(workspace), f"queue#{due:013d}#{campaign:016d}")


def turn(workspace: str) -> Key:
    """Which campaign may send [F4]."""
    return _key(workspace_pk(workspace), "turn")


def waiting_for_import(workspace: str, list_id: int, campaign: int) -> Key:
    return _key(workspace_pk(workspace), f"waiting#{list_id:016d}#{campaign:016d}")


def carrier(workspace: str, name: str) -> Key:
    return _key(workspace_pk(workspace), f"carrier#{name}")


def prefix_map(workspace: str, prefix: str) -> Key:
    return _key(workspace_pk(workspace), f"prefix#{prefix}")


def keyword(workspace: str, keyword_id: int) -> Key:
    return _key(workspace_pk(workspace), f"keyword#{keyword_id:016d}")


def keyword_word(workspace: str, folded: str) -> Key:
    """Leads from a keyword's folded word to it, also once it is deleted; gone when it is released."""
    return _key(workspace_pk(workspace), f"keywordword#{folded}")


def pace(workspace: str, carrier_name: str, sender: str) -> Key:
    """The next free moment of one sender at one carrier; a partition of its own, it is written often."""
    return _key(f"pace#{workspace}#{carrier_name}#{sender}", "pace")


def campaign_pace(workspace: str, campaign: int, speed_at: int) -> Key:
    """The next free moment of a campaign at the speed that it was given at `speed_at`."""
    return _key(f"pace#{workspace}#campaign#{campaign}#{speed_at}", "pace")


def circuit(workspace: str, carrier_name: str) -> Key:
    """Present while an account gives no results."""
    return _key(f"circuit#{workspace}#{carrier_name}", "circuit")


def api_key(key_id: str) -> Key:
    return _key(f"key#{key_id}", "key")


def api_key_of(workspace: str, key_id: str) -> Key:
    """Lists the keys of a workspace."""
    return _key(workspace_pk(workspace), f"apikey#{key_id}")


def user(workspace: str, user_id: str) -> Key:
    return _key(workspace_pk(workspace), f"user#{user_id}")


def owners(workspace: str) -> Key:
    """How many owners a workspace has."""
    return _key(workspace_pk(workspace), "owners")


def webhook(token: str) -> Key:
    """A carrier's webhook token, found by its SHA-256; the token itself is stored nowhere in the tables."""
    return _key(f"webhook#{hashlib.sha256(token.encode()).hexdigest()}", "webhook")


def id_counter() -> Key:
    return _key("ids", "counter")


def id_block(first: int) -> Key:
    """Leads from a message id (the greatest block not above it) to its campaign."""
    return _key("ids", f"block#{first:016d}")


def open_campaign(workspace: str, campaign: int) -> Key:
    """Present while a campaign isn't final; what `sweep` looks through."""
    return _key("open", f"campaign#{workspace}#{campaign:016d}")


def emptying(workspace: str, list_id: int) -> Key:
    """Present while a deleted list still has members; what `sweep` looks through."""
    return _key("open", f"list#{workspace}#{list_id:016d}")


def open_import(workspace: str, import_id: str) -> Key:
    """Present while an import isn't final; what `sweep` looks through."""
    return _key("open", f"import#{workspace}#{import_id}")


def open_export(workspace: str, export_id: int) -> Key:
    """Present while an export isn't over; what `sweep` looks through."""
    return _key("open", f"export#{workspace}#{export_id:016d}")


def open_holding(workspace: str, opening: int) -> Key:
    """Present while requests may wait for this opening; what `sweep` looks through."""
    return _key("open", f"held#{workspace}#{opening:013d}")


def silence_pk(shard: int) -> str:
    return f"silence#{shard}"


def silence(shard: int, due: int, thing: str) -> Key:
    """Until when receipts of a campaign or request are waited for, in order of time."""
    return _key(silence_pk(shard), f"{due:013d}#{thing}")


# ---- members --------------------------------------------------------------------------------------------


def member_shard(mobile: str) -> int:
    return crc32(mobile.encode()) % MEMBER_SHARDS


def member_pk(list_id: int, shard: int) -> str:
    return f"list#{list_id}#{shard:02d}"


def member(list_id: int, mobile: str) -> Key:
    return _key(member_pk(list_id, member_shard(mobile)), mobile)


def deleted_pk(list_id: int, shard: int) -> str:
    """A partition of the index `by_mark`."""
    return f"list#{list_id}#deleted#{shard}"


def deleted_mark(list_id: int, mobile: str) -> dict[str, str]:
    """The attributes that put a deleted member into the sparse index `by_mark`."""
    return {
        "by_mark_pk": deleted_pk(list_id, member_shard(mobile) % MARK_SHARDS),
        "by_mark_sk": mobile,
    }


# ---- people ---------------------------------------------------------------------------------------------


def person_pk(workspace: str, mobile: str) -> str:
    return f"{workspace}#{mobile}"


def standing(workspace: str, mobile: str) -> Key:
    return _key(person_pk(workspace, mobile), "standing")


def fact(workspace: str, mobile: str, message: int, status: str) -> Key:
    return _key(person_pk(workspace, mobile), f"out#{message:016d}#{status}")


def facts_prefix(message: int) -> str:
    """What the sort keys of a message's facts begin with."""
    return f"out#{message:016d}#"


def reply(workspace: str, mobile: str, carrier_name: str, carrier_id: str) -> Key:
    return _key(person_pk(workspace, mobile), f"in#{carrier_name}#{carrier_id}")


def reply_by_id(workspace: str, reply_id: int) -> Key:
    """Leads from our id of a reply to it."""
    return _key(f"{workspace}#reply#{reply_id}", "reply")


def inbox_shard(workspace: str, mobile: str) -> str:
    """The partition of a reply in the index `by_workspace`."""
    return inbox_pk(workspace, crc32(mobile.encode()) % INBOX_SHARDS)


def inbox_pk(workspace: str, shard: int) -> str:
    return f"{workspace}#inbox#{shard}"


def answers(workspace: str, mobile: str, kind: str) -> Key:
    """When the replies of a number were answered lately; `kind` is "reply" or "opt_out"."""
    return _key(person_pk(workspace, mobile), f"answers#{kind}")


def blacklist_shard(workspace: str, mobile: str) -> str:
    """The partition of a blacklist entry in the index `by_workspace`."""
    return blacklist_pk(workspace, crc32(mobile.encode()) % BLACKLIST_SHARDS)


def blacklist_pk(workspace: str, shard: int) -> str:
    return f"{workspace}#blacklist#{shard}"


# ---- dispatch -------------------------------------------------------------------------------------------


def chunks_pk(campaign: int, partition: int) -> str:
    return f"chunks#{campaign}#{partition}"


def chunk(campaign: int, number: int) -> Key:
    return _key(chunks_pk(campaign, number // CHUNKS_PER_PARTITION), f"chunk#{number:06d}")


def claims_pk(campaign: int, chunk_number: int) -> str:
    return f"claims#{campaign}#{chunk_number}"


def claim(campaign: int, chunk_number: int, slice_number: int) -> Key:
    return _key(claims_pk(campaign, chunk_number), f"slice#{slice_number:04d}")


def request(number: int) -> Key:
    """A stored request; its slices are claimed and its statuses kept as those of a campaign's only chunk."""
    return _key(f"request#{number}", "request")


def rows_pk(first: int) -> str:
    return f"rows#{first}"


def request_rows(first: int, part: int) -> Key:
    """Recipients of a request, by its first message's id."""
    return _key(rows_pk(first), f"rows#{part:02d}")


def held_pk(workspace: str, opening: int, shard: int) -> str:
    return f"held#{workspace}#{opening}#{shard}"


def held(workspace: str, opening: int, number: int, generation: int) -> Key:
    """A request that waits for this opening [G2]."""
    return _key(held_pk(workspace, opening, number % HELD_SHARDS), f"request#{number:016d}#{generation}")


def plan_part(campaign: int, attempt: str, part: str) -> Key:
    """Part of a plan in the making: `terms` or `shard#<number>`."""
    return _key(f"plan#{campaign}#{attempt}", part)


def preflight_pk(number: int) -> str:
    return f"preflight#{number}"


def preflight_part(number: int, shard: int) -> Key:
    """What one shard of the list came to in a pre-flight."""
    return _key(preflight_pk(number), f"shard#{shard:02d}")


def import_part(import_id: str, part: int) -> Key:
    return _key(f"import#{import_id}", f"part#{part:05d}")


def carrier_id(workspace: str, carrier_name: str, its_id: str, kind: str) -> Key:
    """What a carrier's own id leads to: our `message`, or the `receipts` that came for it before [H2]."""
    return _key(f"orphan#{workspace}#{carrier_name}#{its_id}", kind)


def reply_parts_pk(workspace: str, carrier_name: str, mobile: str, to: str, of: str) -> str:
    """The parts of a long reply, until they are joined."""
    return f"parts#{workspace}#{carrier_name}#{mobile}#{hashlib.sha256(f'{to}#{of}'.encode()).hexdigest()}"


def reply_part(pk: str, number: int) -> Key:
    return _key(pk, f"part#{number:03d}")


def reply_joined(pk: str) -> Key:
    """Which parts were joined already."""
    return _key(pk, "joined")


# ---- activity, idempotency ------------------------------------------------------------------------------


def activity(workspace: str, at: int, entry: str) -> Key:
    month = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m")
    return _key(activity_pk(workspace, month), f"{at:013d}#{entry}")


def activity_pk(workspace: str, month: str) -> str:
    """The entries of one month (`2026-11`)."""
    return f"{workspace}#{month}"


def activity_about(workspace: str, about: str, at: int, entry: str) -> Key:
    """The same entry once more, with all others about one thing."""
    return _key(activity_about_pk(workspace, about), f"{at:013d}#{entry}")


def activity_about_pk(workspace: str, about: str) -> str:
    return f"{workspace}#about#{about}"


def rate(workspace: str, who: str, window: int) -> dict[str, str]:
    """The calls of one caller in one minute."""
    return {"pk": f"rate#{workspace}#{who}#{window}"}


def idempotency(workspace: str, route: str, key: str) -> dict[str, str]:
    return {"pk": f"{workspace}#{route}#{hashlib.sha256(key.encode()).hexdigest()}"}


# ---- callbacks ------------------------------------------------------------------------------------------


def callback_settings(workspace: str, kind: str) -> Key:
    """An endpoint of a workspace, in the workspaces table."""
    return _key(workspace_pk(workspace), f"callbacks#{kind}")


def endpoint_state(endpoint: int) -> Key:
    """How an endpoint is doing."""
    return _key(f"endpoint#{endpoint}", "state")


def endpoint_token(endpoint: int) -> Key:
    """Who may fetch its access token, and which one is the newest; never the token."""
    return _key(f"endpoint#{endpoint}", "token")


def open_endpoint(endpoint: int) -> Key:
    """Present while an endpoint has parked callbacks; what `sweep` looks through."""
    return _key("open", f"{endpoint:016d}")


def callback_shard(webhook_id: str) -> int:
    return crc32(webhook_id.encode()) % CALLBACK_SHARDS


def parked_pk(endpoint: int, shard: int) -> str:
    return f"parked#{endpoint}#{shard:02d}"


def parked(endpoint: int, due: int, webhook_id: str) -> Key:
    """A callback that waits until `due`."""
    return _key(parked_pk(endpoint, callback_shard(webhook_id)), f"{due:013d}#{webhook_id}")


def dead_pk(endpoint: int, shard: int) -> str:
    return f"dead#{endpoint}#{shard:02d}"


def dead(endpoint: int, at: int, webhook_id: str) -> Key:
    """A callback that was given up at `at`."""
    return _key(dead_pk(endpoint, callback_shard(webhook_id)), f"{at:013d}#{webhook_id}")
