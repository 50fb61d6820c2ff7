"""Where webhooks may point: to servers on the internet, never into a network of ours.

https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from chalicelib.core import errors

URL_LENGTH_MAX: Final = 500

_IPv4 = ipaddress.IPv4Address
_IPv6 = ipaddress.IPv6Address
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def check_url(url: str, *, private_allowed: bool) -> None:
    """Check that a webhook may be sent to ``url``, as far as that shows without asking for names.

    ``private_allowed``: also plain HTTP, and addresses of this machine and its network.

    Raises:
        Invalid: it is no such address; the pointer is ``/url``.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _invalid("this is no address of a server") from None
    if not url.isascii() or not url.isprintable() or " " in url or not host or port == 0:
        raise _invalid("this is no address of a server")
    if parts.scheme != "https" and not (private_allowed and parts.scheme == "http"):
        raise _invalid("webhooks are sent by https only")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _invalid("the address has a user, a password or a fragment")
    if private_allowed:
        return
    literal = _address(host)
    if literal is not None and not _is_public(literal):
        raise _invalid("the address is in a private network")
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise _invalid("the address is in a private network")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, also by way of what it stands for."""
    found = _address(address)
    return found is not None and _is_public(found)


def _address(text: str) -> _IPv4 | _IPv6 | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _is_public(address: _IPv4 | _IPv6) -> bool:
    inner = _inner(address)
    if inner is not None:
        return _is_public(inner)
    # is_global alone takes multicast for global, and differs between releases of Python.
    return address.is_global and not (
        address.is_multicast
        or address.is_private
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )


def _inner(address: _IPv4 | _IPv6) -> _IPv4 | None:
    """Return the IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, _IPv4):
        return None
    if address in _NAT64:
        return _IPv4(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _invalid(detail: str) -> errors.Invalid:
    return errors.Invalid(
        detail,
        fix="send an address on the internet, such as https://shop.example/webhooks",
        pointer="/url",
    )
