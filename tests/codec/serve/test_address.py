"""Addresses: what is printed of them, for this machine and for others."""

import pytest

from codec.serve.address import Address


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_others_are_told_an_address_that_is_not_of_this_machine_alone(host: str) -> None:
    address = Address(host, 0, "x")
    with address.listen() as listening:
        port = listening.getsockname()[1]
        assert address.url(listening) == f"http://127.0.0.1:{port}/"
        others = address.url_for_others(listening)
    if host == "127.0.0.1":
        assert others is None
    elif others is not None:  # there may be no network
        assert others.endswith(f":{port}/") and "127.0.0.1" not in others and "0.0.0.0" not in others
