"""Connections to a PostgreSQL ledger: what is asked of the server, and what becomes of faults.

A setting that matters is set and read back. A connection that broke is replaced by the next call,
so that a server that was restarted or moved is used again as soon as it is there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg import conninfo
from psycopg.pq import TransactionStatus

from medsettle import limits
from medsettle.errors import InternalError, LedgerUnavailable
from medsettle.ledger.entries import Overtaken
from medsettle.ledger.listing import Row, Value
from medsettle.ledger.postgres_statements import NO_SYNC

# What is not given in the connection string. Without keepalives a server that vanished, and took
# its connections along, is noticed by the operating system after two hours.
_DEFAULTS = {
    "connect_timeout": str(limits.LEDGER_CONNECT_SECONDS_MAX),
    "application_name": "medsettle",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": str(limits.LEDGER_STATEMENT_MS_MAX),
}

_SETTINGS = {
    "synchronous_commit": "on",
    "lock_timeout": str(limits.LEDGER_LOCK_MS_MAX),
    "statement_timeout": str(limits.LEDGER_STATEMENT_MS_MAX),
    "idle_in_transaction_session_timeout": str(limits.LEDGER_IDLE_MS_MAX),
}


def place_of(url: str) -> str:
    """Return the place that a connection string names, fit to be shown: without its password.

    Raises:
        LedgerUnavailable: It is no connection string.

    >>> place_of("postgresql://me:secret@db.example:5433/ledger")
    'postgresql://me@db.example:5433/ledger'
    """
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The reason quotes the string, and with it perhaps the password.
        raise LedgerUnavailable(
            "the address of the ledger is no PostgreSQL connection string; write "
            "postgresql://USER@HOST:PORT/DATABASE, with special characters of a password as %XX"
        ) from None
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    return f"postgresql://{user}{given.get('host') or ''}{port}/{given.get('dbname') or ''}"


class Server:
    """One connection to the server of a ledger, made anew when it broke. Not for two threads."""

    def __init__(self, url: str, *, writes: bool) -> None:
        self.place = place_of(url)
        self._url = url
        self._writes = writes
        self._connection: psycopg.Connection[Row] | None = None
        self._closed = False

    def connection(self) -> psycopg.Connection[Row]:
        """Return the connection, checked when it was made.

        Raises:
            LedgerUnavailable: The ledger was closed, or the server cannot keep what it promises.
            psycopg.OperationalError: The server cannot be reached.
        """
        if self._closed:
            raise LedgerUnavailable(
                f"the ledger {self.place} is closed; open it again", path=self.place
            )
        if self._connection is None or not self.is_open:
            self._connection = self._connect()
        return self._connection

    @property
    def is_open(self) -> bool:
        """Whether there is a connection that is not known to be broken."""
        return self._connection is not None and not self._connection.closed

    def rows(
        self, statement: str, values: Sequence[object], *, unhurried: bool = False
    ) -> list[Row]:
        """Return the answer to a question, asked once more where the connection had gone stale.

        Args:
            statement: It changes nothing.
            values: What stands for its marks.
            unhurried: Whether it may read the whole ledger and take as long as that takes.
        """
        was_open = self.is_open
        try:
            return self.asked(statement, values, unhurried=unhurried)
        except psycopg.OperationalError:
            # One that was made for this question is not asked again: the server is ill, not gone.
            if not was_open or self.is_open:
                raise
        return self.asked(statement, values, unhurried=unhurried)

    def asked(
        self, statement: str, values: Sequence[object], *, unhurried: bool = False
    ) -> list[Row]:
        """Return the answer to a question on the connection as it is, in what it has begun."""
        connection = self.connection()
        if unhurried:
            with connection.transaction():
                connection.execute("set local statement_timeout = 0")
                return connection.execute(statement.encode(), values).fetchall()
        return connection.execute(statement.encode(), values, binary=True).fetchall()

    def end(self) -> None:
        """End what was begun and recorded nothing, and give back what it locked.

        By a commit that waits for no disk, for at a rollback the driver forgets all statements that
        it has prepared. Where a statement failed the connection is dropped: the driver would take
        statements for prepared that went with the failure.
        """
        if self._connection is None or not self.is_open:
            return
        status = self._connection.info.transaction_status
        if status == TransactionStatus.IDLE:
            return
        if status != TransactionStatus.INTRANS:
            self.drop()
            return
        try:
            with self._connection.pipeline():
                self._connection.execute(NO_SYNC, prepare=False)
                self._connection.execute("commit", prepare=False)
        except psycopg.Error:
            self.drop()

    def drop(self) -> None:
        """Let go of the connection; the next call makes another."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()

    def close(self) -> None:
        """Let go of the connection for good."""
        self._closed = True
        self.drop()

    def _connect(self) -> psycopg.Connection[Row]:
        own = {
            name: value
            for name, value in _DEFAULTS.items()
            if name not in conninfo.conninfo_to_dict(self._url)
        }
        connection = psycopg.connect(conninfo.make_conninfo(self._url, **own), autocommit=True)
        try:
            self._check(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: psycopg.Connection[Row]) -> None:
        version = connection.info.server_version
        check_version(version, self.place)
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            self._refuse(f"its encoding is {encoding}; create the database with UTF8")
        for name, value in _SETTINGS.items():
            connection.execute("select set_config(%s, %s, false)", (name, value))
        row = connection.execute(
            "select current_setting('synchronous_commit'), current_setting('fsync'),"
            " pg_is_in_recovery(), current_schema()"
        ).fetchall()[0]
        commit, fsync, standby, schema = row
        if schema is None:
            self._refuse("the schema of its search_path does not exist; create it, or name another")
        if not self._writes:
            return
        if (commit, fsync) != ("on", "on"):
            self._refuse(
                f"it cannot be made durable: synchronous_commit is {commit} and fsync {fsync}, "
                "and both must be on"
            )
        if standby:
            self._refuse("it is a standby, which records nothing; name the primary")

    def _refuse(self, why: str) -> None:
        raise LedgerUnavailable(f"{self.place}: {why}", path=self.place)


def check_version(version: int, place: str) -> None:
    """Raise LedgerUnavailable if a server is too old; 150018 is 15.18."""
    oldest = limits.LEDGER_POSTGRES_MIN
    if version < oldest * 10_000:
        raise LedgerUnavailable(
            f"{place} is PostgreSQL {version // 10_000}; {oldest} is the oldest that a ledger is "
            "kept in. Use a newer server",
            path=place,
            version=str(version),
        )


@contextmanager
def unavailable(place: str, action: str) -> Iterator[None]:
    """Turn what PostgreSQL objects to into the errors of a ledger."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        # Somebody else recorded it: who decides again finds it. A caller that holds what it
        # decides on never gets here with a key of its own making.
        raise Overtaken(_broken_rule(error)) from error
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        raise InternalError(_broken_rule(error), cause=_text(error)) from error
    except psycopg.errors.LockNotAvailable as error:
        raise LedgerUnavailable(
            f"another process kept what this needs of {place} for more than "
            f"{limits.LEDGER_LOCK_MS_MAX} ms; nothing was recorded. Send the same request id again",
            path=place,
        ) from error
    except psycopg.Error as error:
        raise LedgerUnavailable(
            f"cannot {action} the ledger {place}: {_text(error)}", path=place, cause=_text(error)
        ) from error


def _broken_rule(error: psycopg.Error) -> str:
    return f"an entry breaks a rule of the ledger: {_text(error)}"


def _text(error: psycopg.Error) -> str:
    """Return what the server says, without the detail that quotes what was recorded."""
    return error.diag.message_primary or str(error).strip()


def storable(value: Value) -> Value | None:
    """Return a value to look for, or None, which equals nothing: PostgreSQL keeps no zero bytes."""
    return None if isinstance(value, str) and "\0" in value else value
