"""
IP addresses of hosts, in the one form in which they are shown, compared, counted and forwarded.

A socket for both families calls an IPv4 client ``::ffff:192.0.2.1`` (RFC 4291 §2.5.5.2). The zone of a link-local
address, as in ``fe80::1%eth0``, has a meaning on this host alone (RFC 4007 §11). Neither is part of the address.
"""

from __future__ import annotations

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CLIENT_BITS = 64
"""Bits of an IPv6 address that one client shares with nobody else."""

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def plain_address(text: str) -> str:
    """
    Return the IP address in `text` without its zone, an IPv4-mapped one as IPv4.

    Args:
        text: an IP address; anything else, such as a host name, is returned as it is.

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
    Return the name under which the client of an IP address is counted by limits for one client.

    That is the address of IPv4, and the network of 64 bits of IPv6: a host has all addresses of such a network (RFC
    4291 §2.5.1), and would be another client with each of them. Postfix counts networks too
    (smtpd_client_ipv6_prefix_length).

    Args:
        text: an IP address; anything else is returned as it is.

    Example:
        >>> counted_address("192.0.2.1"), counted_address("::ffff:192.0.2.1"), counted_address("2001:db8::1")
        ('192.0.2.1', '192.0.2.1', '2001:db8::/64')
    """
    text = plain_address(text)
    if ":" not in text:
        return text
    try:
        return str(ipaddress.IPv6Network((text, CLIENT_BITS), strict=False))
    except ValueError:
        return text


def plain_network(text: str) -> Network:
    """
    Return the IP network in `text`, an IPv4-mapped one as IPv4: the network of addresses in their plain form.

    Args:
        text: such as ``10.0.0.0/8``, or a single address.

    Raises:
        ValueError: `text` is no network, or has a zone, which no address has here.

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
