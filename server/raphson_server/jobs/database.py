"""The database behind a store: SQLite in a file, or PostgreSQL; its tables, and its two kinds of transactions."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raphson_server.jobs.errors import StoreError
from raphson_server.jobs.extra import extra

with extra("jobs"):
    import sqlalchemy as sa
    from sqlalchemy import event, exc

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = 2
"""Of the tables."""

_BUSY_SECONDS = 30.0
_LOOK_SECONDS = 0.005
# Any number that no other program on the database takes for its own lock.
_ADVISORY_LOCK = 0x72617068736F6E
_IMMEDIATE = "raphson_immediate"
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "sqlite": "sqlite"}

_metadata = sa.MetaData()

jobs = sa.Table(
    "raphson_jobs",
    _metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("request_id", sa.String(200), unique=True),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, default=False),
    # Seconds since 1970 by the database's clock, or by this machine's where the database has none.
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("started", sa.Double),
    sa.Column("ended", sa.Double),
    sa.Column("owner", sa.String(200), nullable=False, default=""),
    sa.Column("lease_until", sa.Double),
    sa.Column("rows_total", sa.BigInteger),
    sa.Column("rows_done", sa.BigInteger, nullable=False, default=0),
    sa.Column("status_counts", sa.Text, nullable=False, default="{}"),
    sa.Column("error_code", sa.String(64), nullable=False, default=""),
    sa.Column("error_message", sa.Text, nullable=False, default=""),
    # Whose token made it; empty where nobody was asked for one.
    sa.Column("caller", sa.String(64), nullable=False, default="", server_default=""),
)

chunks = sa.Table(
    "raphson_chunks",
    _metadata,
    sa.Column("job_id", sa.String(26), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("status_counts", sa.Text, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
)

_about = sa.Table("raphson_store", _metadata, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))


class Database:
    """An open database whose tables are there.

    Parameters
    ----------
    url : str
        A path (SQLite), ``sqlite:///path``, or ``postgresql://user@host/database``.

    Raises
    ------
    StoreError
        If it cannot be opened, or another version's tables are there.
    """

    def __init__(self, url: str) -> None:
        self.url = _to_url(url)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        with extra("postgres"):
            self._engine = sa.create_engine(
                self.url,
                # A connection that the server closed meanwhile is replaced, not reported.
                pool_pre_ping=not self._is_sqlite,
                connect_args={"timeout": _BUSY_SECONDS}
                if self._is_sqlite
                else {"connect_timeout": 10, "client_encoding": "utf8"},
            )
        if self._is_sqlite:
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        try:
            self._create_tables()
        except exc.DBAPIError as error:
            raise StoreError(f"the store {self} cannot be opened: {_first_line(error)}") from None

    def __str__(self) -> str:
        return self.url.database or "" if self._is_sqlite else self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Look at one state of the database."""
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Change it: all of the block, or, after an exception, nothing."""
        with (
            self._told(),
            self._engine.connect().execution_options(**{_IMMEDIATE: True}) as connection,
            connection.begin(),
        ):
            yield connection

    def now(self, connection: sa.Connection) -> float:
        """Return seconds since 1970 by the one clock that all who share the database have."""
        if self._is_sqlite:
            return time.time()
        return float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say which store failed, unless it is a constraint, which callers know what to do with."""
        try:
            yield
        except exc.IntegrityError:
            raise
        except exc.DBAPIError as error:
            raise StoreError(f"the store {self} failed: {_first_line(error)}") from error

    def _create_tables(self) -> None:
        with self._engine.connect().execution_options(**{_IMMEDIATE: True}) as connection, connection.begin():
            if not self._is_sqlite:
                # Two that start at once: CREATE TABLE IF NOT EXISTS alone may fail in PostgreSQL.
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            _metadata.create_all(connection)
            version = connection.execute(sa.select(_about.c.version)).scalar()
            if version is None:
                connection.execute(_about.insert().values(version=VERSION))
            elif version == 1:
                connection.execute(
                    sa.text("ALTER TABLE raphson_jobs ADD COLUMN caller VARCHAR(64) NOT NULL DEFAULT ''")
                )
                connection.execute(_about.update().values(version=VERSION))
            elif version != VERSION:
                raise StoreError(f"the store {self} has tables of version {version}; this program expects {VERSION}")


def counts_to_text(counts: dict[str, int]) -> str:
    """Write counts by status."""
    return json.dumps(counts, sort_keys=True)


def counts_from_text(text: str) -> dict[str, int]:
    """Read counts by status."""
    counts: dict[str, int] = json.loads(text)
    return counts


def _to_url(text: str) -> sa.URL:
    if "://" not in text:
        path = Path(text).expanduser().absolute()
        if not path.parent.is_dir():
            raise StoreError(f"the store {path} cannot be opened: {path.parent} is no folder")
        return sa.URL.create("sqlite", database=str(path))
    try:
        url = sa.make_url(text)
        driver = _DRIVERS[url.get_backend_name()]
    except (exc.ArgumentError, KeyError):
        # What is not understood may hold a password.
        scheme = text.partition("://")[0]
        message = f"the store's URL begins with {scheme!r}; expected a path, sqlite:///… or postgresql://…"
        raise StoreError(message) from None
    return url.set(drivername=driver)


def _first_line(error: exc.DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]


def _set_up_sqlite(connection: Any, _: object) -> None:
    # Transactions are begun below, and not by the driver, which would begin them late.
    connection.isolation_level = None
    cursor = connection.cursor()
    _change_to_wal(cursor)
    # A job that was answered for is on the disk.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _change_to_wal(cursor: Any) -> None:
    """Let readers and one writer go on side by side; for this SQLite does not wait for others, even if told to."""
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            return


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that is to write waits for others at its begin: in the middle SQLite would refuse it.
    immediate = connection.get_execution_options().get(_IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
