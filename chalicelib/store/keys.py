"""Every key pattern of the table, in one place.

| item               | PK                      | SK         | read by                       |
| ------------------ | ----------------------- | ---------- | ----------------------------- |
| coupon             | CPN#<code>              | COUPON     | code, folded (``codes``)      |
| coupon batch       | BAT#<id>                | BATCH      | the stream of the table       |
| order              | ORD#<order id>          | ORDER      | order id                      |
| customer           | CUS#<id>                | PROFILE    | customer                      |
| account            | CUS#<id>                | ACCOUNT    | customer                      |
| redemption         | CUS#<id>                | RDM#<id>   | customer, newest use first    |
| - of a guest       | GUEST#<id>              | RDM#<id>   | its own id                    |
| activity event     | CUS#<id>                | EVT#<id>   | customer, last recorded first |
| - of a guest       | GUEST#<id>              | EVT#<id>   | the stream of the table       |
| hold               | HOLD#<id>               | HOLD       | its own id                    |
| handle             | <FIELD>#<value>         | HANDLE     | e-mail, phone or external id  |
| reward             | RWD#<id>                | REWARD     | reward                        |
| limit, of a reward | LIMIT#<reward, period,> | COUNTER    | claims, all its shards        |
| limit, of customer | CUS#<id>                | LIMIT#<>   | claims; reward and period     |
| API key            | KEY#<id>                | KEY        | the id inside the key         |
| idempotency record | IDEM#<hash>             | RECORD     | caller and key                |
| generation         | GEN#<id>                | GENERATION | generation                    |
| use of a pattern   | PAT#<pattern>           | PATTERN    | pattern, folded               |
| tries of codes     | TRY#<guesser>           | <window>   | keys are read, and tries      |
| refused attempt    | ATT#<hash, id>          | <code>     | nobody: see the indexes       |
| import             | IMP#<id>                | IMPORT     | import                        |
| - refused rows     | IMP#<id>                | REF#<l.>   | import, by line               |
| export             | EXP#<id>                | EXPORT     | export                        |
| card template      | CTP#<id>                | TEMPLATE   | template, cached              |
| card               | CRD#<serial>            | CARD       | serial                        |
| - at Google        | CRD#<serial>            | GOO#<kind> | Google's callbacks            |
| callback           | NONCE#<nonce>           | CALLBACK   | Google's callbacks            |
| device             | DEV#<its own name>      | DEVICE     | Apple's calls; pushes         |
| - registration     | DEV#<its own name>      | REG#<ser.> | device; see the indexes       |
| settings           | SETTINGS                | SETTINGS   | everybody, cached             |
| cursor secret      | SETTINGS                | CURSORS    | lists, cached                 |
| coupon shadow      | CPN#<code>              | SHADOW     | what keeps totals, by code    |
| redemption shadow  | RDM#<id>                | SHADOW     | what keeps totals             |
| totals             | RWD#<id>#totals#<shard> | TOTALS     | reward, all shards            |
| totals of a day    | RWD#<id>#totals#<shard> | DAY#<day>  | reward, a range of days       |
| recount            | RWD#<id>                | RECOUNT    | reconcile job                 |
| where recounts are | SETTINGS                | RECONCILE  | reconcile job                 |
| parked record      | PARKED#<record>         | <applier>  | people                        |
| webhook            | WHK#<id>                | WEBHOOK    | webhook                       |
| delivery           | DLV#<event>             | <s.>#<t.>  | event, subscriber and target  |

Redemption and event ids are ULIDs: of the time of use, and of the time of recording. So both sort
as they are listed, and each can be read by its id alone, strongly consistent.

A refused attempt is named by its idempotency key where it has one, so that repeating it keeps one.

Indexes hold keys only; what they name is read from the table, strongly consistent. They are sparse.

| index  | of         | partition                    | sort                 | read by              |
| ------ | ---------- | ---------------------------- | -------------------- | -------------------- |
| list   | customer   | CUSTOMERS#<shard>            | <id>                 | all, newest first    |
| list   | reward     | REWARDS                      | <id>                 | all, newest first    |
| list   | API key    | KEYS                         | <id>                 | all                  |
| list   | template   | CARD_TEMPLATES               | <id>                 | all, newest first    |
| list   | import     | IMPORTS                      | <id>                 | all, newest first    |
| list   | coupon     | RWD#<id>#<status>#<shard>    | <claimed_at>#<code>  | reward and status    |
| list   | unassigned | RWD#<id>#unassigned#<shard>  | <hash>#<code>        | pool, from any key   |
| list   | redemption | CPN#<code>                   | <id>                 | coupon, newest first |
| list   | - a shared | CPN#<code>#<shard>           | <id>                 | coupon, newest first |
| list   | attempt    | CPN#<code>#attempts          | <id>                 | coupon, newest first |
| list   | shadow     | RWD#<id>#by_use#<shard>      | <redeemed_at>#<code> | reward, by use       |
| list   | registr.   | CRD#<serial>#devices         | <device>             | card, to push        |
| list   | webhook    | WEBHOOKS                     | <id>                 | all, newest first    |
| list   | delivery   | DLV#<subscr.>#<t.>#<shard>   | <event>              | target, newest first |
| holder | coupon     | CUS#<id>                     | <claimed_at>#<code>  | customer, by claim   |
| holder | card       | CUS#<id>#cards               | <issued_at>#<serial> | customer, by issue   |
| holder | attempt    | CUS#<id>#attempts            | <id>                 | customer, newest     |
| holder | unassigned | RWD#<id>#pool_by_end#<shard> | <expires_at>#<code>  | reward, by expiry    |
| due    | coupon     | DUE#coupon#<shard>           | <expires_at>#<code>  | expiry job           |
| due    | reward     | DUE#pool                     | <id>                 | stock job            |
| due    | generation | DUE#generation               | <created_at>#<id>    | stock job, in turn   |
| due    | shadow     | RWD#<id>#by_end#<shard>      | <expires_at>#<code>  | reward, by expiry    |
| due    | import     | DUE#import                   | <lease_until>#<id>   | job for stalled ones |
| due    | export     | DUE#export                   | <lease_until>#<id>   | job for stalled ones |
| due    | delivery   | DUE#<subscriber>#<shard>     | <due_at>#<event, t.> | job that tries again |
"""

import hashlib
import zlib
from datetime import datetime

from chalicelib.core import moments

Key = tuple[str, str]

COUPON_SHARDS = 4
CUSTOMER_SHARDS = 4
DELIVERY_SHARDS = 4
ORDER_SHARDS = 2
DUE_SHARDS = 16
_HASH_LENGTH = 16
USE_SHARDS = 8

API_KEYS = "KEYS"
CARD_TEMPLATES = "CARD_TEMPLATES"
DUE_EXPORTS = "DUE#export"
DUE_IMPORTS = "DUE#import"
IMPORTS = "IMPORTS"
REWARDS = "REWARDS"
RUNNING_GENERATIONS = "DUE#generation"
WATCHED_POOLS = "DUE#pool"
WEBHOOKS = "WEBHOOKS"
SETTINGS: Key = ("SETTINGS", "SETTINGS")
RECONCILE_POSITION: Key = ("SETTINGS", "RECONCILE")
CURSOR_SECRET: Key = ("SETTINGS", "CURSORS")


def shard_of(name: str, shards: int) -> int:
    """Return which of ``shards`` partitions ``name`` belongs to, for ever."""
    return zlib.crc32(name.encode()) % shards


def coupon(code_key: str) -> Key:
    return f"CPN#{code_key}", "COUPON"


def coupon_batch(batch_id: str) -> Key:
    return f"BAT#{batch_id}", "BATCH"


def order(order_id: str) -> Key:
    return f"ORD#{order_id}", "ORDER"


def customer(customer_id: str) -> Key:
    return f"CUS#{customer_id}", "PROFILE"


def account(customer_id: str) -> Key:
    return f"CUS#{customer_id}", "ACCOUNT"


def redemption(customer_id: str, redemption_id: str) -> Key:
    """Return where a redemption is; that of a guest, who has no customer id, is by itself."""
    owner = f"CUS#{customer_id}" if customer_id else f"GUEST#{redemption_id}"
    return owner, f"RDM#{redemption_id}"


def event(customer_id: str, event_id: str) -> Key:
    """Return where a line of history is; what a guest did is read by nobody but the stream."""
    owner = f"CUS#{customer_id}" if customer_id else f"GUEST#{event_id}"
    return owner, f"EVT#{event_id}"


def hold(hold_id: str) -> Key:
    return f"HOLD#{hold_id}", "HOLD"


def handle(field: str, value: str) -> Key:
    return f"{field.upper()}#{value}", "HANDLE"


def coupon_shadow(code_key: str) -> Key:
    return f"CPN#{code_key}", "SHADOW"


def redemption_shadow(redemption_id: str) -> Key:
    return f"RDM#{redemption_id}", "SHADOW"


def totals(reward_id: str, shard: str) -> Key:
    return f"RWD#{reward_id}#totals#{shard}", "TOTALS"


def day_totals(reward_id: str, shard: str, day: str) -> Key:
    return f"RWD#{reward_id}#totals#{shard}", f"DAY#{day}"


def reconciliation(reward_id: str) -> Key:
    return f"RWD#{reward_id}", "RECOUNT"


def parked(record_id: str, applier: str) -> Key:
    return f"PARKED#{record_id}", applier


def webhook(webhook_id: str) -> Key:
    return f"WHK#{webhook_id}", "WEBHOOK"


def delivery(event_id: str, subscriber: str, target: str) -> Key:
    return f"DLV#{event_id}", f"{subscriber}#{target}"


def deliveries(subscriber: str, target: str, shard: int) -> str:
    return f"DLV#{subscriber}#{target}#{shard}"


def due_deliveries(subscriber: str, shard: int) -> str:
    return f"DUE#{subscriber}#{shard}"


def reward(reward_id: str) -> Key:
    return f"RWD#{reward_id}", "REWARD"


def limit_of_reward(reward_id: str, bucket: str, shard: str) -> Key:
    return f"LIMIT#{reward_id}#{bucket}#{shard}", "COUNTER"


def limit_of_customer(customer_id: str, reward_id: str, bucket: str) -> Key:
    return f"CUS#{customer_id}", f"LIMIT#{reward_id}#{bucket}"


def api_key(key_id: str) -> Key:
    return f"KEY#{key_id}", "KEY"


def idempotency(key_hash: str) -> Key:
    return f"IDEM#{key_hash}", "RECORD"


def attempt(code_key: str, name: str) -> Key:
    return f"ATT#{name}", code_key


def attempts_of_coupon(code_key: str) -> str:
    return f"CPN#{code_key}#attempts"


def attempts_of_customer(customer_id: str) -> str:
    return f"CUS#{customer_id}#attempts"


def uses_of_shared(code_key: str, shard: int) -> str:
    """Return one of the partitions of a shared code's uses: thousands may come in a second."""
    return f"CPN#{code_key}#{shard}"


def card_template(template_id: str) -> Key:
    return f"CTP#{template_id}", "TEMPLATE"


def card(serial: str) -> Key:
    return f"CRD#{serial}", "CARD"


def cards_of_customer(customer_id: str) -> str:
    return f"CUS#{customer_id}#cards"


def saved_object(serial: str, object_kind: str) -> Key:
    return f"CRD#{serial}", f"GOO#{object_kind}"


def callback_nonce(nonce: str) -> Key:
    return f"NONCE#{hashlib.sha256(nonce.encode()).hexdigest()}", "CALLBACK"


def device(device_id: str) -> Key:
    return f"DEV#{device_id}", "DEVICE"


def registration(device_id: str, serial: str) -> Key:
    return f"DEV#{device_id}", f"REG#{serial}"


def devices_of_card(serial: str) -> str:
    return f"CRD#{serial}#devices"


def generation(generation_id: str) -> Key:
    return f"GEN#{generation_id}", "GENERATION"


def pattern_use(pattern_key: str) -> Key:
    return f"PAT#{pattern_key}", "PATTERN"


def tries(guesser: str, window: int) -> Key:
    return f"TRY#{guesser}", str(window)


def coupon_import(import_id: str) -> Key:
    return f"IMP#{import_id}", "IMPORT"


def refused_rows(import_id: str, first_line: str) -> Key:
    return f"IMP#{import_id}", f"REF#{first_line:0>10}"


def export(export_id: str) -> Key:
    return f"EXP#{export_id}", "EXPORT"


def customers(shard: int) -> str:
    return f"CUSTOMERS#{shard}"


def coupons_of_reward(reward_id: str, status: str, shard: int) -> str:
    return f"RWD#{reward_id}#{status}#{shard}"


def coupons_by_use(reward_id: str, shard: int) -> str:
    return f"RWD#{reward_id}#by_use#{shard}"


def coupons_by_end(reward_id: str, shard: int) -> str:
    return f"RWD#{reward_id}#by_end#{shard}"


def pool_by_end(reward_id: str, shard: int) -> str:
    return f"RWD#{reward_id}#pool_by_end#{shard}"


def coupon_shards(status: str) -> int:
    """Return over how many partitions the coupons of a reward in ``status`` are spread.

    A partition takes 1,000 changes a second, and a page of a list asks each of them. A pool is
    filled as fast as an import can; the others lie by the time of their claim, so that changes of
    those claimed long ago hit no one place; what ends coupons is paced.
    """
    return {"unassigned": COUPON_SHARDS, "claimed": 2, "redeemed": 2}.get(status, 1)


def in_pool(code_key: str) -> str:
    """Return the sort key of an unassigned coupon: codes that begin alike lie far apart.

    So claims that start at random places of a pool meet different coupons.
    """
    return f"{hashlib.sha256(code_key.encode()).hexdigest()[:_HASH_LENGTH]}#{code_key}"


def place_in_pool(place: int) -> str:
    """Return the sort key in front of what lies at ``place`` of a pool, below 2 ** 64."""
    return f"{place:0{_HASH_LENGTH}x}"


def is_in_pool(sort_key: str) -> bool:
    """Whether the sort key is one of :func:`in_pool`, not one of :func:`at`."""
    return sort_key[_HASH_LENGTH : _HASH_LENGTH + 1] == "#"


def due_coupons(shard: int) -> str:
    return f"DUE#coupon#{shard}"


def at(moment: datetime, name: str) -> str:
    """Return a sort key by time; ``name`` tells apart what shares a moment."""
    return f"{moments.iso(moment)}#{name}"
