"""Which URLs may be saved, and which addresses may be called [J6]: hostile ones in every notation we know."""

from ipaddress import ip_network

import pytest
from AntiSSRF import IPAddressRanges
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.addresses import Forbidden, Target, is_public, target

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104  # an address to refuse
    "0.255.255.255",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",  # metadata of EC2, Azure, Google and others
    "169.254.170.2",  # credentials of ECS tasks
    "169.254.169.253",  # DNS of a VPC
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # 127.0.0.1 as an IPv4-compatible address
    "::169.254.169.254",
    "::ffff:127.0.0.1",  # mapped
    "::ffff:8.8.8.8",
    "::ffff:0:7f00:1",  # translated
    "64:ff9b::7f00:1",  # NAT64
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",  # Teredo
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a9fe:a9fe::",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # EC2's metadata over IPv6
    "fd00:ec2::253",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",  # not handed out
    "2606:4700::1%eth0",
    "",
    "localhost",
    "127.1",
    "0177.0.0.1",
    "2130706433",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "52.94.0.1",
    "100.63.255.255",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "2a00:1450::1",
]

HOSTILE = [
    # another scheme, or none
    "http://example.com/",
    "HTTPS:/example.com",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "//example.com/",
    "example.com",
    "javascript:alert(1)",
    "",
    # somebody else's idea of where the host ends
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@169.254.169.254/",
    "https://example.com:443@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com#fragment",
    "https://127.0.0.1\\@example.com/",
    "https:\\\\example.com/",
    "https://example.com\\.internal/",
    "https:///example.com/",
    "https://",
    "https://?example.com",
    # white space and control characters
    " https://example.com/",
    "https://example.com/ ",
    "https://example.com/a b",
    "https://exam\tple.com/",
    "https://example.com/\r\nHost: 169.254.169.254",
    "https://example.com/\n",
    "https://example.com/\x00",
    # ports
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:/",
    "https://example.com:8O/",
    "https://example.com:-1/",
    # IPv4 in other notations
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0x7f.0.0.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0251.0376.0251.0376/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1./",
    "https://127.0.0.01/",
    "https://127.0.0.1.1/",
    "https://127.0.0.256/",
    "https://0/",
    "https://0x/",
    "https://1.2.3.0x4/",
    "https://8.8.8.0x8/",  # public, but no spelling of ours
    # IPv6 in other notations
    "https://::1/",
    "https://[::1/",
    "https://::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[v1.fe80::a]/",
    "https://[127.0.0.1]/",
    "https://[]/",
    "https://[2606:4700::1111]x/",
    # names
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://printer/",
    "https://db.internal/",
    "https://metadata.google.internal/",
    "https://nas.local/",
    "https://router.lan/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://example..com/",
    "https://.example.com/",
    "https://example.com./",
    "https://-example.com/",
    "https://exa%6dple.com/",
    "https://127.0.0.1%2eexample.com/",
    "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 130 + "com/",
    "https://example.com/" + "a" * 2048,
    # names in other scripts: what they become depends on who reads them
    "https://bücher.example/",
    "https://ⓛocalhost/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://127.0.0.１/",
    "https://example．com/",
    "https://exаmple.com/",  # a Cyrillic а
    "https://ß.example/",
    "https://example.com/ü",
    "https://example.com/\u202e",
    *(f"https://{address}/" for address in NOT_PUBLIC if address.count(".") == 3 and ":" not in address),
    *(f"https://[{address}]/" for address in NOT_PUBLIC if ":" in address),
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_the_public_internet_is_no_place_to_call(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_called(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("network", [*IPAddressRanges.recommended_latest, "::/96", "::ffff:0:0:0/96"])
def test_no_range_that_microsofts_guard_denies_is_public(network: str) -> None:
    found = ip_network(network)
    assert not is_public(str(found[0]))
    assert not is_public(str(found[-1]))


@given(st.integers(0, 2**32 - 1))
def test_no_disguise_makes_an_ipv4_address_callable(number: int) -> None:
    for prefix in (0, 0xFFFF << 32, 0xFFFF << 48, 0x64FF9B << 96, 0x2002 << 112 | number << 48):
        from ipaddress import IPv6Address

        assert not is_public(str(IPv6Address(prefix | number)))


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_before_anything_is_resolved(url: str) -> None:
    with pytest.raises(Forbidden):
        target(url)
    if not url.startswith(("http://127.0.0.1", "https://127.0.0.1")):
        with pytest.raises(Forbidden):
            target(url, local=True)


@given(st.text(max_size=60))
def test_whatever_is_written_is_a_target_or_forbidden(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        try:
            found = target(url)
        except Forbidden:
            continue
        assert found.scheme == "https"
        assert found.host.isascii()
        assert not set(found.path) & set(" \r\n\t\\#")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://example.com", Target("https", "example.com", 443, "/")),
        (
            "https://Hooks.Example.COM:8443/a/b?c=d&e=%20",
            Target("https", "hooks.example.com", 8443, "/a/b?c=d&e=%20"),
        ),
        ("https://xn--bcher-kva.example?x", Target("https", "xn--bcher-kva.example", 443, "/?x")),
        ("https://8.8.8.8/x", Target("https", "8.8.8.8", 443, "/x")),
        ("https://[2606:4700:4700::1111]:444/", Target("https", "2606:4700:4700::1111", 444, "/")),
    ],
)
def test_a_plain_url_is_taken_apart(url: str, found: Target) -> None:
    assert target(url) == found


def test_only_the_local_stack_calls_this_machine_and_only_by_its_one_name() -> None:
    assert target("http://127.0.0.1:8080/x", local=True) == Target("http", "127.0.0.1", 8080, "/x")
    for url in ("http://127.0.0.1:8080/x", "https://127.0.0.1/"):
        with pytest.raises(Forbidden):
            target(url)
    for url in (
        "http://127.0.0.2/",
        "http://localhost/",
        "http://example.com/",
        "http://[::1]/",
        "http://127.1/",
    ):
        with pytest.raises(Forbidden):
            target(url, local=True)
