"""Orders in the table."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.orders import Order
from chalicelib.store import keys
from chalicelib.store.attributes import IntegerAttribute, MomentAttribute
from chalicelib.store.items import Codec, TableItem


class OrderItem(TableItem, discriminator="order"):
    order_id = UnicodeAttribute()
    customer_id = UnicodeAttribute()
    recorded_at = MomentAttribute()
    amount_minor = IntegerAttribute(null=True)
    standing = IntegerAttribute()
    counting = IntegerAttribute()


CODEC = Codec(Order, OrderItem, key=lambda order: keys.order(order.order_id), locate=keys.order)
