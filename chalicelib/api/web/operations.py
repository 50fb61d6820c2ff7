"""An operation of the API: everything that is known of a route before a request comes."""

from collections.abc import Callable
from inspect import cleandoc
from typing import Any, Final

import msgspec

from chalicelib.api.web import problems
from chalicelib.core import errors
from chalicelib.core.callers.callers import Role
from chalicelib.core.callers.tries import RateLimited
from chalicelib.core.coupons.refusals import CouponNotUsable
from chalicelib.core.idempotency import IdempotencyKeyReused

READS: Final = frozenset({"GET"})
MATCHED: Final = frozenset({"PATCH", "PUT"})
"""The methods that honour If-Match."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. ``answer`` is None for an answer without a body.

    ``further`` are other statuses of a success, none of which has a body.

    ``page_answer`` is what a publishable key gets instead.

    ``writes`` is False for a dry run, which neither needs nor keeps an Idempotency-Key.
    """

    method: str
    path: str
    name: str
    doc: str
    roles: frozenset[Role]
    body: type[msgspec.Struct] | None
    query: type[msgspec.Struct] | None
    answer: Any
    page_answer: Any
    status: int
    further: tuple[int, ...]
    refusals: tuple[type[errors.DomainError], ...]
    key_required: bool
    codes_in_body: bool
    writes: bool
    media_type: str

    @property
    def is_public(self) -> bool:
        """Whether it asks for no key."""
        return not self.roles

    @property
    def summary(self) -> str:
        """The first line of the view's docstring, without its full stop."""
        return self.doc.partition("\n")[0].removesuffix(".")

    @property
    def description(self) -> str:
        """The rest of the view's docstring."""
        return self.doc.partition("\n")[2].strip()

    @property
    def tag(self) -> str:
        """The noun it is listed under: the first segment below ``/v1``, or "service"."""
        parts = self.path.strip("/").split("/")
        if len(parts) == 1 or (self.is_public and len(parts) == 2):  # noqa: PLR2004 # /v1/health
            return "service"
        return parts[1]

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names in braces."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def looks_up_codes(self) -> bool:
        """Whether it finds out what a code stands for."""
        return self.codes_in_body or "code" in self.path_names

    @property
    def is_dry_run(self) -> bool:
        """Whether it answers with the refusal that something else would get."""
        return self.method not in READS and not self.writes

    @property
    def is_for_pages(self) -> bool:
        """Whether the pages of a shop may call it, with a publishable key."""
        return Role.STOREFRONT in self.roles

    def errors(self) -> tuple[type[errors.DomainError], ...]:
        """Return every refusal it can answer: its own, and those of the way to it."""
        own = list(self.refusals)
        if not self.is_public:
            own += [problems.Unauthenticated, errors.Forbidden, errors.Unavailable]
        if self.looks_up_codes:
            own.append(RateLimited)
        if self.is_for_pages:
            own.append(CouponNotUsable)
        if self.body is not None:
            own += [problems.MalformedBody, problems.PayloadTooLarge, problems.UnsupportedMediaType]
        if self.writes:
            own += [IdempotencyKeyReused, errors.ConflictRetry]
        if self.method in MATCHED:
            own.append(errors.Stale)
        # Unknown query parameters are refused everywhere.
        own.append(errors.Invalid)
        return tuple(dict.fromkeys(own))


def doc_of(view: Callable[..., Any]) -> str:
    """Return the docstring of ``view``, unindented.

    Raises:
        ValueError: there is none; the documentation would have a hole.
    """
    if not view.__doc__:
        raise ValueError(f"{view.__name__} needs a docstring: it is the documentation")
    return cleandoc(view.__doc__)
