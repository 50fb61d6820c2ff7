"""Settings of the business."""

from typing import Annotated

import msgspec
from msgspec.structs import replace

from chalicelib.api.web import bodies
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.bodies import Currency
from chalicelib.core.settings import LATE_UPLOAD_LIMIT_HOURS_MAX, Settings
from chalicelib.usecases import settings as usecases

blueprint = JsonBlueprint()


class SettingsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings. ``time_zone`` is an IANA name; it says when a day ends."""

    business_name: Annotated[str, bodies.text(120)]
    currency: Currency
    time_zone: Annotated[str, bodies.text(64)]
    language: Annotated[
        str, msgspec.Meta(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$(?!\n)")
    ] = "en"
    late_upload_limit_hours: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=LATE_UPLOAD_LIMIT_HOURS_MAX,
            description="how long after its use a till may report a redemption",
        ),
    ] = 72


@blueprint.operation("GET", "/v1/settings", answer=SettingsBody)
def get_settings(call: Call[None, None]) -> Answer:
    """Return the settings."""
    return Answer(_view(usecases.get_settings(call.services.context)))


@blueprint.operation("PUT", "/v1/settings", body=SettingsBody, answer=SettingsBody)
def put_settings(call: Call[SettingsBody, None]) -> Answer:
    """Replace the settings; in force everywhere within 60 seconds."""

    def change(before: Settings) -> Settings:
        call.check_match(_view(before))
        return replace(before, **msgspec.structs.asdict(call.body))

    done = usecases.put_settings(call.services.context, change, now=call.now, request=call.request)
    return Answer(_view(done.result), replayed=done.replayed)


def _view(settings: Settings) -> SettingsBody:
    return SettingsBody(
        business_name=settings.business_name,
        currency=settings.currency,
        time_zone=settings.time_zone,
        language=settings.language,
        late_upload_limit_hours=settings.late_upload_limit_hours,
    )
