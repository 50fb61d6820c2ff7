"""Create, change, archive and list card templates."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.core.cards import templates
from chalicelib.core.cards.templates import CardTemplate
from chalicelib.core.changes import Changes, Contention
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import Page, PageRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.rules import get_card_template, get_reward


def create(
    context: Context, template: CardTemplate, *, now: datetime, request: KeyedRequest | None
) -> Done[CardTemplate]:
    """Add a template.

    Raises:
        Invalid: its fields do not go together, or not with its reward or linked template.
        RewardNotFound, TemplateNotFound: there is no such reward or linked template.
    """

    def decide(_: Contention | None) -> tuple[CardTemplate, tuple[str, ...], Changes]:
        _check(context, template)
        return template, (template.template_id,), Changes(create=(template,))

    return once(
        context,
        request,
        now=now,
        decide=decide,
        again=lambda made: get_card_template(context.store, made[0]),
    )


def update(
    context: Context,
    template_id: str,
    change: Callable[[CardTemplate], CardTemplate],
    *,
    now: datetime,
    request: KeyedRequest | None,
) -> Done[CardTemplate]:
    """Store what ``change`` makes of the template as it is now.

    Raises:
        As :func:`create`, and what ``change`` raises.
    """

    def decide(_: Contention | None) -> tuple[CardTemplate, tuple[str, ...], Changes]:
        before = get_card_template(context.store, template_id)
        after = change(before)
        templates.check_unchanged_type(before, after)
        _check(context, after)
        changes = Changes() if before == after else Changes(update=((before, after),))
        return after, (template_id,), changes

    done = once(
        context,
        request,
        now=now,
        decide=decide,
        again=lambda _: get_card_template(context.store, template_id),
    )
    context.rules.forget_card_template(template_id)
    return done


def page(context: Context, request: PageRequest) -> Page[CardTemplate]:
    """Return a page of the templates, by the time of their creation."""
    return context.store.card_templates(request)


def _check(context: Context, template: CardTemplate) -> None:
    templates.check(template)
    if template.reward_id is not None:
        templates.check_reward(template, get_reward(context.store, template.reward_id))
    if template.linked_template_id is not None:
        templates.check_link(get_card_template(context.store, template.linked_template_id))
