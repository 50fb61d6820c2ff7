"""Card templates: create, look up, change, archive, list."""

from msgspec.structs import replace

from chalicelib.api.cards.template_views import (
    TemplateBody,
    TemplatePage,
    TemplatePatch,
    TemplateQuery,
    TemplateView,
    values_of,
    view_of,
)
from chalicelib.api.web import lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.core.cards import templates
from chalicelib.core.cards.templates import (
    CardTemplate,
    TemplateStatus,
)
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.rewards import rewards
from chalicelib.usecases import rules
from chalicelib.usecases.cards import templates as usecases

blueprint = JsonBlueprint()


@blueprint.operation(
    "POST",
    "/v1/card-templates",
    body=TemplateBody,
    answer=TemplateView,
    status=201,
    refusals=(rewards.RewardNotFound, templates.TemplateNotFound),
)
def create_card_template(call: Call[TemplateBody, None]) -> Answer:
    """Create a card template.

    The coupon of a coupon card has one use and no balance. With a linked template the card turns
    into a stamp or points card when it is redeemed.
    """
    values = values_of(call.body)
    template = CardTemplate(
        template_id=call.services.new_id("tpl", call.now),
        created_at=call.now,
        **values | {"title": values["title"] or values["name"]},
    )
    done = usecases.create(call.services.context, template, now=call.now, request=call.request)
    return Answer(
        view_of(done.result),
        location=f"/v1/card-templates/{done.result.template_id}",
        replayed=done.replayed,
    )


@blueprint.operation(
    "GET",
    "/v1/card-templates",
    query=TemplateQuery,
    answer=TemplatePage,
    refusals=(InvalidCursor,),
)
def list_card_templates(call: Call[None, TemplateQuery]) -> Answer:
    """List card templates, archived ones too."""
    path = "/v1/card-templates"
    request = lists.page_request(call, path=path, sort=call.query.sort)
    page = usecases.page(call.services.context, request)
    items, cursor = lists.page_of(call, page, view_of, path=path)
    return Answer(TemplatePage(items, cursor))


@blueprint.operation(
    "GET",
    "/v1/card-templates/{template_id}",
    answer=TemplateView,
    refusals=(templates.TemplateNotFound,),
)
def get_card_template(call: Call[None, None], template_id: str) -> Answer:
    """Return a card template."""
    return Answer(view_of(rules.get_card_template(call.services.store, template_id)))


@blueprint.operation(
    "PATCH",
    "/v1/card-templates/{template_id}",
    body=TemplatePatch,
    answer=TemplateView,
    refusals=(templates.TemplateNotFound, rewards.RewardNotFound),
)
def update_card_template(call: Call[TemplatePatch, None], template_id: str) -> Answer:
    """Change a card template; in force everywhere within 60 seconds."""
    values = values_of(call.body)

    def change(template: CardTemplate) -> CardTemplate:
        call.check_match(view_of(template))
        return replace(template, **values)

    done = usecases.update(
        call.services.context, template_id, change, now=call.now, request=call.request
    )
    return Answer(view_of(done.result), replayed=done.replayed)


@blueprint.operation(
    "POST",
    "/v1/card-templates/{template_id}/archive",
    answer=TemplateView,
    refusals=(templates.TemplateNotFound, rewards.RewardNotFound),
)
def archive_card_template(call: Call[None, None], template_id: str) -> Answer:
    """Archive a card template: it makes no new cards; those that are out go on."""
    done = usecases.update(
        call.services.context,
        template_id,
        lambda template: replace(template, status=TemplateStatus.ARCHIVED),
        now=call.now,
        request=call.request,
    )
    return Answer(view_of(done.result), replayed=done.replayed)
