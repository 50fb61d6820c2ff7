"""Customers and their handles in the table."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.customers.customers import Address, Consent, Customer, Handle
from chalicelib.store import keys
from chalicelib.store.engine.attributes import DateAttribute, JsonAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class CustomerItem(TableItem, discriminator="customer"):
    customer_id = UnicodeAttribute()
    joined_at = MomentAttribute()
    created_at = MomentAttribute()
    external_id = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    phone = UnicodeAttribute(null=True)
    first_name = UnicodeAttribute(null=True)
    last_name = UnicodeAttribute(null=True)
    birthday = DateAttribute(null=True)
    address = JsonAttribute(Address, null=True)
    language = UnicodeAttribute(null=True)
    consent = JsonAttribute(Consent)
    tags = JsonAttribute(tuple[str, ...])
    custom_fields = JsonAttribute(dict[str, str])


class HandleItem(TableItem, discriminator="handle"):
    field = UnicodeAttribute()
    value = UnicodeAttribute()
    customer_id = UnicodeAttribute()


def indexes(customer: Customer) -> dict[str, str]:
    shard = keys.shard_of(customer.customer_id, keys.CUSTOMER_SHARDS)
    return {"list_pk": keys.customers(shard), "list_sk": customer.customer_id}


CODEC = Codec(
    Customer,
    CustomerItem,
    key=lambda customer: keys.customer(customer.customer_id),
    locate=keys.customer,
    indexes=indexes,
)
HANDLE_CODEC = Codec(
    Handle,
    HandleItem,
    key=lambda handle: keys.handle(handle.field, handle.value),
    locate=keys.handle,
)
