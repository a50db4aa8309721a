"""Which network addresses a model's ``base_url`` may point to.

Checked twice: when the address is entered (:func:`check_base_url`), and for every socket before
it connects (:func:`guarded_socket`), because a name may resolve differently by then.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from prompt_app.errors import InputError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressInfo = tuple[Any, ...]

# Where clouds hand out credentials to whoever asks from inside the machine.
METADATA_NETWORKS = (
    ipaddress.ip_network("169.254.0.0/16"),
    ipaddress.ip_network("fe80::/10"),
    ipaddress.ip_network("fd00:ec2::/32"),
    ipaddress.ip_network("100.100.100.200/32"),
    ipaddress.ip_network("168.63.129.16/32"),
)
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddressError(OSError):
    """A connection to an address that is not allowed was about to be made."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_base_url(url: str, allow_private: bool) -> None:
    """Raise InputError unless ``url`` is plain http(s), names a host that resolves, and points to
    allowed addresses only.

    Private, loopback and otherwise not globally routed addresses pass only if ``allow_private``;
    link-local and metadata addresses never do. Resolves the host: it may block for seconds.
    """
    parts = parse_base_url(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise InputError(
            f"base_url: the host {host!r} cannot be resolved. Check its spelling and the network."
        ) from None
    for info in found:
        if problem := address_problem(str(info[4][0]), allow_private):
            raise InputError(f"base_url: {host!r} is {problem}.")


def parse_base_url(url: str) -> SplitResult:
    """Split ``url``. Raises InputError unless it is http(s) with a host, and without user name,
    password, query and fragment."""
    try:
        parts = urlsplit(url)
        valid_port = parts.port is None or parts.port > 0
    except ValueError:
        raise InputError("base_url: this is not a valid address.") from None
    if parts.scheme not in ("http", "https"):
        found = f", not {parts.scheme}://" if parts.scheme and "://" in url else ""
        raise InputError(f"base_url: an address starts with http:// or https://{found}.")
    if parts.username is not None or parts.password is not None:
        raise InputError(
            "base_url: leave user name and password out of the address; keys are set in the "
            "environment or in Secrets Manager."
        )
    unprintable = any(character.isspace() or not character.isprintable() for character in url)
    if not parts.hostname or not valid_port or unprintable or "\\" in url:
        raise InputError("base_url: this is not a valid address.")
    if parts.query or parts.fragment:
        raise InputError("base_url: leave '?' and '#' and what follows them out of the address.")
    return parts


def server_name(url: str) -> str:
    """The host, and the port where ``url`` names one: how messages call a server."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{host}:{parts.port}" if parts.port else host


def address_problem(address: str, allow_private: bool) -> str | None:
    """Why no connection to this IP address may be made, or None when it may."""
    try:
        outer = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "not an IP address"
    for ip in _with_embedded(outer):
        if any(ip in network for network in METADATA_NETWORKS if network.version == ip.version):
            return "a link-local or metadata address, which is never allowed"
        if ip.is_multicast:
            return "a multicast address, which is never allowed"
        if not ip.is_global and not allow_private:
            return (
                "in a private network, which PROMPT_APP_ALLOW_PRIVATE_ADDRESSES=false forbids here"
            )
    return None


def _with_embedded(ip: IPAddress) -> Iterator[IPAddress]:
    """The address a connection would reach, unwrapped from what IPv6 may carry it in."""
    if isinstance(ip, ipaddress.IPv4Address):
        yield ip
        return
    if ip.ipv4_mapped is not None:
        # The mapped form is never global itself; only what it carries decides.
        yield ip.ipv4_mapped
        return
    if ip in NAT64:
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return
    if ip.sixtofour is not None:
        yield ip.sixtofour
    if ip.teredo is not None:
        yield ip.teredo[1]
    yield ip


def guarded_socket(allow_private: bool) -> Callable[[AddressInfo], socket.socket]:
    """A socket factory for aiohttp's connector that refuses forbidden addresses.

    It sees the very address that is about to be connected to, whether it came from DNS or was
    written as a number, so that no second lookup can slip past. The message is one and the same
    for all addresses of a host, which keeps the error's type when several are tried.
    """

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if address_problem(address[0], allow_private):
            raise ForbiddenAddressError("the address is in a forbidden network")
        return socket.socket(family=family, type=kind, proto=protocol)

    return make
