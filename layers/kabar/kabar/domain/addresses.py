"""Which URLs and addresses a customer may point us at: https and the public internet, nothing else [J6].

Only one spelling of each address is taken, so that no two parsers can read one differently: lower-case names with a
dot in ASCII, dotted decimal IPv4, bracketed IPv6. A name says nothing yet; what it resolves to is for `is_public`.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

MAX_URL = 2048
THIS_MACHINE = "127.0.0.1"

# IANA's special-purpose registries, link-local metadata services, Azure's host; the rest of IPv4 is public.
_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ],
    )
)
# Only this is handed out to the world. IPv4 in any disguise (::/96, ::ffff/96, NAT64), ULA, link and site local,
# multicast and whatever comes next are outside; Teredo, 6to4, documentation and anycast services are inside.
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    map(IPv6Network, ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"])
)
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>/[!$-;=?-\[\]_a-z~]*)?(?P<query>\?[!$-;=?-\[\]_a-z~]*)?"
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa")


class Forbidden(ValueError):
    """We call no such address; `args[0]` says why, in a sentence without the address."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads; `host` is a name, or an address without brackets; `path` holds the query too."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As the header `Host` says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"


def target(url: str, *, local: bool = False) -> Target:
    """Take a URL apart. `local` also takes http and https to 127.0.0.1, as written so. Raises Forbidden."""
    if len(url) > MAX_URL:
        raise Forbidden(f"the URL has more than {MAX_URL} characters")
    found = _URL.fullmatch(url)
    if found is None:
        raise Forbidden(
            "write https://name/path in ASCII (a name in another script as xn--…): "
            "without credentials, fragment, spaces or backslashes"
        )
    scheme, host = found["scheme"], found["host"].lower().strip("[]")
    port = int(found["port"] or _default_port(scheme))
    if not 0 < port < 65536:
        raise Forbidden("there is no such port")
    result = Target(scheme, host, port, (found["target"] or "/") + (found["query"] or ""))
    if local and found["host"] == THIS_MACHINE:
        return result
    if scheme != "https":
        raise Forbidden("only https is possible")
    _check_host(host, literal=found["host"].startswith("["))
    return result


def is_public(address: str) -> bool:
    """Whether an address, as a resolver writes it, belongs to the public internet."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _NOT_PUBLIC_4)
    if parsed.scope_id is not None:
        return False
    return parsed in _PUBLIC_6 and not any(parsed in network for network in _NOT_PUBLIC_6)


def is_address(host: str) -> bool:
    """Whether the host of a target is an address, not a name."""
    return ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _check_host(host: str, *, literal: bool) -> None:
    if literal or is_address(host):
        try:
            address = IPv6Address(host) if literal else IPv4Address(host)
        except AddressValueError as error:
            raise Forbidden("this is no address: write IPv4 as four decimal numbers") from error
        if not is_public(str(address)):
            raise Forbidden("the address is not on the public internet")
        return
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Forbidden("this is no host name")
    if len(labels) < 2 or labels[-1] in _INSIDE:
        raise Forbidden("the name is not one of the public internet")


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
