"""On PYTHONPATH during the smoke run: any Python process that looks beyond this machine gets an error."""

import ipaddress
import os
import pathlib
import socket

_connect, _connect_ex, _lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo


class NetworkBlockedError(OSError):
    """Something tried to reach another machine after set-up."""


def _is_here(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse(host: object) -> None:
    if not _is_here(host):
        record = os.environ.get("LOCOLAB_NETWORK_LOG")
        if record:
            with pathlib.Path(record).open("a") as log:
                print(host, file=log)
        raise NetworkBlockedError(f"{host}: nothing may need the network after set-up")


def _guarded(connect):
    def method(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse(address[0])
        return connect(self, address)

    return method


def _guarded_lookup(host, *arguments, **named):
    _refuse(host)
    return _lookup(host, *arguments, **named)


socket.socket.connect = _guarded(_connect)
socket.socket.connect_ex = _guarded(_connect_ex)
socket.getaddrinfo = _guarded_lookup
