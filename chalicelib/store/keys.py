"""Every key pattern of the table, in one place.

| item               | PK              | SK       | read by                       |
| ------------------ | --------------- | -------- | ----------------------------- |
| coupon             | CPN#<code>      | COUPON   | code, folded (``core/codes``) |
| order              | ORD#<order id>  | ORDER    | order id                      |
| customer           | CUS#<id>        | PROFILE  | customer                      |
| account            | CUS#<id>        | ACCOUNT  | customer                      |
| redemption         | CUS#<id>        | RDM#<id> | customer, newest use first    |
| activity event     | CUS#<id>        | EVT#<id> | customer, last recorded first |
| handle             | <FIELD>#<value> | HANDLE   | e-mail, phone or external id  |
| reward             | RWD#<id>        | REWARD   | reward                        |
| API key            | KEY#<id>        | KEY      | the id inside the key         |
| idempotency record | IDEM#<hash>     | RECORD   | caller and key                |
| settings           | SETTINGS        | SETTINGS | everybody, cached             |
| cursor secret      | SETTINGS        | CURSORS  | lists, cached                 |

Redemption and event ids are ULIDs: of the time of use, and of the time of recording. So both sort
as they are listed, and each can be read by its id alone, strongly consistent.

Indexes hold keys only; what they name is read from the table, strongly consistent. They are sparse.

| index  | of         | partition                 | sort                | read by               |
| ------ | ---------- | ------------------------- | ------------------- | --------------------- |
| list   | customer   | CUSTOMERS#<shard>         | <id>                | all, newest first     |
| list   | reward     | REWARDS                   | <id>                | all, newest first     |
| list   | API key    | KEYS                      | <id>                | all                   |
| list   | coupon     | RWD#<id>#<status>#<shard> | <created_at>#<code> | reward and status     |
| list   | redemption | CPN#<code>                | <id>                | coupon, newest first  |
| holder | coupon     | CUS#<id>                  | <claimed_at>#<code> | customer, by claim    |
| due    | coupon     | DUE#coupon#<shard>        | <expires_at>#<code> | expiry job, due first |
"""

import zlib
from datetime import datetime

from chalicelib.core import moments

Key = tuple[str, str]

COUPON_SHARDS = 4
CUSTOMER_SHARDS = 4
DUE_SHARDS = 16

API_KEYS = "KEYS"
REWARDS = "REWARDS"
SETTINGS: Key = ("SETTINGS", "SETTINGS")
CURSOR_SECRET: Key = ("SETTINGS", "CURSORS")


def shard_of(name: str, shards: int) -> int:
    """Return which of ``shards`` partitions ``name`` belongs to, for ever."""
    return zlib.crc32(name.encode()) % shards


def coupon(code_key: str) -> Key:
    return f"CPN#{code_key}", "COUPON"


def order(order_id: str) -> Key:
    return f"ORD#{order_id}", "ORDER"


def customer(customer_id: str) -> Key:
    return f"CUS#{customer_id}", "PROFILE"


def account(customer_id: str) -> Key:
    return f"CUS#{customer_id}", "ACCOUNT"


def redemption(customer_id: str, redemption_id: str) -> Key:
    return f"CUS#{customer_id}", f"RDM#{redemption_id}"


def event(customer_id: str, event_id: str) -> Key:
    return f"CUS#{customer_id}", f"EVT#{event_id}"


def handle(field: str, value: str) -> Key:
    return f"{field.upper()}#{value}", "HANDLE"


def reward(reward_id: str) -> Key:
    return f"RWD#{reward_id}", "REWARD"


def api_key(key_id: str) -> Key:
    return f"KEY#{key_id}", "KEY"


def idempotency(key_hash: str) -> Key:
    return f"IDEM#{key_hash}", "RECORD"


def customers(shard: int) -> str:
    return f"CUSTOMERS#{shard}"


def coupons_of_reward(reward_id: str, status: str, shard: int) -> str:
    return f"RWD#{reward_id}#{status}#{shard}"


def due_coupons(shard: int) -> str:
    return f"DUE#coupon#{shard}"


def at(moment: datetime, name: str) -> str:
    """Return a sort key by time; ``name`` tells apart what shares a moment."""
    return f"{moments.iso(moment)}#{name}"
