"""Who does something through the API, and when."""

from typing import Any

from chalicelib.api.web.blueprint import Call
from chalicelib.core.activity import Channel, Origin


def origin_of(call: Call[Any, Any], channel: Channel = Channel.API) -> Origin:
    """Return the origin of what ``call`` asks for."""
    return Origin(actor=call.caller.caller_id, channel=channel, recorded_at=call.now)
