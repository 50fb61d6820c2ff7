"""Phones and their registrations in the table: a device's lie together, a card's in an index."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.wallets.devices import Device, Registration
from chalicelib.store import keys
from chalicelib.store.engine.attributes import IntegerAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class DeviceItem(TableItem, discriminator="device"):
    device_id = UnicodeAttribute()
    push_token = UnicodeAttribute()
    named_at = MomentAttribute()
    passes = IntegerAttribute()


DEVICE_CODEC = Codec(
    Device, DeviceItem, key=lambda device: keys.device(device.device_id), locate=keys.device
)


class RegistrationItem(TableItem, discriminator="registration"):
    device_id = UnicodeAttribute()
    serial = UnicodeAttribute()
    registered_at = MomentAttribute()


def indexes(registration: Registration) -> dict[str, str]:
    return {
        "list_pk": keys.devices_of_card(registration.serial),
        "list_sk": registration.device_id,
    }


REGISTRATION_CODEC = Codec(
    Registration,
    RegistrationItem,
    key=lambda registration: keys.registration(registration.device_id, registration.serial),
    locate=keys.registration,
    indexes=indexes,
)
