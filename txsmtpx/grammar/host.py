"""
IP addresses of hosts, in the one form in which they are shown, compared, counted and forwarded.

A socket for both families names an IPv4 client ``::ffff:192.0.2.1`` (RFC 4291 §2.5.5.2).  The zone of a link-local
address, as in ``fe80::1%eth0``, has a meaning on this host only (RFC 4007 §11).  The plain form has neither.
"""

from __future__ import annotations

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CLIENT_BITS = 64
"""Bits of an IPv6 address that name the network of one client.  Postfix counts by 84 bits by default."""

NEIGHBOUR_BITS = 24
"""Bits of an IPv4 address that name the network of hosts that send the same queue, as in postgrey."""

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def plain_address(text: str) -> str:
    """
    Return the plain form of an IP address: without its zone, and an IPv4-mapped address as IPv4.

    Args:
        text: An IP address, or another name of a host.

    Returns:
        The plain form.  A text that is not an IP address is returned unchanged.

    Example:
        >>> plain_address("::ffff:192.0.2.1"), plain_address("fe80::1%eth0"), plain_address("mail.example.org")
        ('192.0.2.1', 'fe80::1', 'mail.example.org')
    """
    if ":" not in text:
        return text
    try:
        address = ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return text
    return str(address.ipv4_mapped or address)


def counted_address(text: str) -> str:
    """
    Return the name under which limits for each client count a client.

    A host can use all addresses of its network of 64 bits (RFC 4291 §2.5.1).  If each address were counted alone, such
    a host would have no limit.  Postfix counts networks too (smtpd_client_ipv6_prefix_length).

    Args:
        text: The client's IP address, or another name of a host.

    Returns:
        For IPv4 the address, for IPv6 its network of 64 bits.  A text that is not an IP address is returned unchanged.

    Example:
        >>> counted_address("192.0.2.1"), counted_address("::ffff:192.0.2.1"), counted_address("2001:db8::1")
        ('192.0.2.1', '192.0.2.1', '2001:db8::/64')
    """
    text = plain_address(text)
    return client_network(text) if ":" in text else text


def client_network(text: str) -> str:
    """
    Return the network of a client whose mail may come from several hosts beside each other, for greylisting.

    Args:
        text: The client's IP address, or another name of a host.

    Returns:
        For IPv4 the network of 24 bits, for IPv6 the network of 64 bits.  A text that is not an IP address is returned
        unchanged.

    Example:
        >>> client_network("192.0.2.1"), client_network("::ffff:192.0.2.1"), client_network("2001:db8::1")
        ('192.0.2.0/24', '192.0.2.0/24', '2001:db8::/64')
    """
    text = plain_address(text)
    try:
        return str(ipaddress.ip_network((text, CLIENT_BITS if ":" in text else NEIGHBOUR_BITS), strict=False))
    except ValueError:
        return text


def plain_network(text: str) -> Network:
    """
    Parse an IP network.

    Args:
        text: A network such as ``10.0.0.0/8``, or a single address.

    Returns:
        The network.  An IPv4-mapped network is returned as IPv4, so that it contains addresses in their plain form.

    Raises:
        ValueError: The text is not a network, or has a zone.  Plain addresses have no zone, so none could match.

    Example:
        >>> plain_network("::ffff:10.0.0.0/104")
        IPv4Network('10.0.0.0/8')
    """
    if "%" in text:
        raise ValueError(f"{text!r} has a zone: name the network without it")
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network((str(mapped), network.prefixlen - _MAPPED.prefixlen))
    return network
