"""An operation being carried out: read the request, call the view, write the answer."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from chalice import Response

from chalicelib import wiring
from chalicelib.api.web import bodies, cors, requests
from chalicelib.api.web.calls import ANONYMOUS, Answer, Call, encode, etag_of
from chalicelib.api.web.exchange import Exchange, failure, headers_of, here, refusal
from chalicelib.api.web.lookups import Lookup
from chalicelib.api.web.operations import MATCHED, READS, Operation
from chalicelib.core import errors
from chalicelib.core.callers import tries


class Endpoint:
    """An operation with what it needs to be carried out: made once, used by every request."""

    def __init__(self, operation: Operation, view: Callable[..., Answer]) -> None:
        self.operation = operation
        self._view = view
        self._body = None if operation.body is None else bodies.BodyReader(operation.body)
        self._query = bodies.QueryReader(operation.query or _NoQuery)
        self._has_etag = operation.method in READS | MATCHED

    def answer(self, arguments: Mapping[str, str]) -> Response:
        exchange = here.exchange
        try:
            return self._perform(exchange, arguments)
        except errors.DomainError as error:
            return refusal(error, exchange)
        except Exception as error:  # noqa: BLE001 # the last line of defence: nothing internal leaks
            return failure(error, exchange)

    def _perform(self, exchange: Exchange, arguments: Mapping[str, str]) -> Response:
        operation, request = self.operation, exchange.request
        services = exchange.services = wiring.services()
        services.capacity.reset()
        caller = ANONYMOUS
        if operation.roles:
            caller = exchange.caller = requests.authenticate(request, services)
            exchange.origin = cors.origin_of(caller, request.headers.get("origin"))
            requests.authorise(caller, operation)
        path = requests.path_values(arguments)
        query = self._query.read(requests.query_values(request))
        raw = b""
        body = None
        if self._body is not None:
            raw = requests.raw_body(request)
            body = self._body.read(raw)
        keyed = None
        if operation.writes:
            keyed = requests.keyed(request, operation, caller=caller, path=path, raw=raw)
        now = services.now()
        guesser = None
        if operation.looks_up_codes:
            guesser = tries.guesser_of(caller, network=requests.network_of(request))
        lookup = Lookup(services, guesser, now=now, started=exchange.started)
        call: Call[Any, Any] = Call(
            body=body,
            query=query,
            caller=caller,
            services=services,
            now=now,
            request=keyed,
            if_match=request.headers.get("if-match"),
            request_id=exchange.request_id,
            lookup=lookup,
        )
        if not operation.is_dry_run:
            lookup.check_no_slip(path.get("code"))
        lookup.begin()
        try:
            answer = self._view(call, **path)
        except errors.DomainError as error:
            told = lookup.told(error)
            lookup.end(done=False)
            raise told from None
        lookup.end(done=operation.writes)
        return self._success(answer, exchange)

    def _success(self, answer: Answer, exchange: Exchange) -> Response:
        headers = headers_of(exchange)
        if answer.headers:
            headers.update(answer.headers)
        if answer.replayed:
            exchange.replayed = True
            headers["Idempotent-Replayed"] = "true"
        if answer.location is not None:
            headers["Location"] = requests.stage_of(exchange.request) + quote(
                answer.location, safe="/%"
            )
        if self.operation.answer is None or answer.status is not None:
            status = answer.status or self.operation.status
            return Response(body="", status_code=status, headers=headers)
        if isinstance(answer.body, bytes):
            exchange.binary_type = self.operation.media_type
            return Response(body=answer.body, status_code=self.operation.status, headers=headers)
        encoded = answer.body.encode() if isinstance(answer.body, str) else encode(answer.body)
        if self._has_etag if answer.etag is None else answer.etag:
            headers["ETag"] = etag_of(encoded)
        headers["Content-Type"] = self.operation.media_type
        # Already encoded: Chalice passes a str on as it is.
        return Response(body=encoded.decode(), status_code=self.operation.status, headers=headers)


class _NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation without query parameters."""
