"""The options by which a command knows who answers, and shows who it is, where a server is behind TLS."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
"""The type of an option that names a file to be read."""

TLS_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--tls": {"is_flag": True, "help": "The server is behind TLS, vouched for by authorities of this machine."},
    "--ca": {
        "type": FILE,
        "metavar": "FILE",
        "envvar": "RAPHSON_CA",
        "show_envvar": True,
        "help": "Certificates, as PEM, of the authorities that vouch for the server; means TLS.",
    },
    "--certificate": {
        "type": FILE,
        "metavar": "FILE",
        "envvar": "RAPHSON_CERTIFICATE",
        "show_envvar": True,
        "help": "This client's own certificate, for servers that ask for one.",
    },
    "--key": {
        "type": FILE,
        "metavar": "FILE",
        "envvar": "RAPHSON_KEY",
        "show_envvar": True,
        "help": "The certificate's key, as PEM.",
    },
}
"""What `click.option` takes of each, by flag."""
