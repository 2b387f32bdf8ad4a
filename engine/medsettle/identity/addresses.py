"""Which addresses only this machine reaches."""

import ipaddress


def is_loopback(address: str) -> bool:
    """Return whether an address, with its port, is reached from this machine alone.

    A name other than `localhost` is not looked up: what it leads to may change.

    >>> is_loopback("127.0.0.1:50051"), is_loopback("[::1]:0"), is_loopback("0.0.0.0:50051")
    (True, True, False)
    >>> is_loopback("localhost:1"), is_loopback("insurance.example:443"), is_loopback("unix:/run/m")
    (True, False, True)
    """
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
