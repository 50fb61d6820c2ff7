"""Orders in the table."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.customers.orders import Order
from chalicelib.store import keys
from chalicelib.store.engine.attributes import IntegerAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class OrderItem(TableItem, discriminator="order"):
    order_id = UnicodeAttribute()
    customer_id = UnicodeAttribute(null=True)
    recorded_at = MomentAttribute()
    amount_minor = IntegerAttribute(null=True)
    standing = IntegerAttribute()
    counting = IntegerAttribute()
    taken_off_minor = IntegerAttribute(null=True)
    exclusive = IntegerAttribute(null=True)


CODEC = Codec(Order, OrderItem, key=lambda order: keys.order(order.order_id), locate=keys.order)
