"""The record in a PostgreSQL server, by SQLAlchemy: for many machines at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opto._link import Link
from opto.errors import StoreError
from opto.llm.secret import Secret, hide
from opto.store.journal import Journal, Row
from opto.store.owner import is_gone
from opto.store.schema import LOCK, POSTGRES, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opto.store.events import Claim

__all__ = ["PostgresJournal"]

COLUMNS = "seq, at, kind, key, run, data"
NOW = "extract(epoch FROM clock_timestamp())"  # one clock for all machines


class PostgresJournal(Journal):
    """A journal in a database of a PostgreSQL server, for processes on many machines.

    It makes the tables ``opto_journal``, ``opto_event`` and ``opto_claim`` where they are
    not. Needs the extra ``postgres``: ``pip install "trace-opt[postgres]"``.

    Args:
        url: the database's address, such as ``postgresql://user@host/name``. A password in
            it shows in no repr and travels in no pickle; ``PGPASSWORD`` and ``~/.pgpass``
            work in every process.

    Raises:
        StoreError: the server cannot be reached, or holds a journal of a later version.
    """

    def __init__(self, url: str) -> None:
        sql = _sqlalchemy()
        try:
            address = sql.make_url(url.replace("postgres:", "postgresql:", 1))
        except sql.exc.SQLAlchemyError as error:
            raise StoreError(f"this is no address of a database: {hide(str(error))}") from None
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        self.address = str(address._replace(password=None))
        self._secret = Secret(address.password)
        self._engine = sql.create_engine(address, poolclass=sql.NullPool)
        self._writer: Link[Any] = Link(self._engine.connect)
        self._reader: Link[Any] = Link(self._engine.connect)
        self._prepare()

    def claim(self, claim: Claim, seconds: float) -> bool:
        """Try to take a claim, see `Journal.claim`."""
        free = f"opto_claim.owner IN (excluded.owner, :gone) OR opto_claim.until <= {NOW}"
        with self._transaction(self._writer) as execute:
            held = execute("SELECT owner FROM opto_claim WHERE key = :key", key=claim.key).scalar()
            gone = held if held is not None and is_gone(held) else claim.owner
            taken = execute(
                f"INSERT INTO opto_claim VALUES (:key, :owner, {NOW} + :seconds) ON CONFLICT (key)"  # noqa: S608
                f" DO UPDATE SET owner = excluded.owner, until = excluded.until WHERE {free}"
                f" RETURNING owner",
                key=claim.key,
                owner=claim.owner,
                seconds=seconds,
                gone=gone,
            )
            return taken.first() is not None

    def release(self, claim: Claim) -> None:
        """End a claim, if its owner still has it."""
        with self._transaction(self._writer) as execute:
            _release(execute, claim)

    def number(self, key: str) -> int:
        """The next number under this name, see `Journal.number`."""
        with self._transaction(self._writer) as execute:
            given = execute(
                "INSERT INTO opto_counter VALUES (:key, 1) ON CONFLICT (key) "
                "DO UPDATE SET next = opto_counter.next + 1 RETURNING next",
                key=key,
            )
            return int(given.scalar_one()) - 1

    def close(self) -> None:
        """Close the connections; the next use opens others."""
        self._writer.close()
        self._reader.close()

    def _insert(self, rows: Sequence[Row], ended: Claim | None) -> list[int]:
        with self._transaction(self._writer) as execute:
            # One after the other: else a place could be seen before a lower one is.
            execute("SELECT pg_advisory_xact_lock(:lock)", lock=LOCK)
            places = [
                execute(
                    "INSERT INTO opto_event (at, kind, key, run, data) "
                    "VALUES (:at, :kind, :key, :run, :data) RETURNING seq",
                    **{name: value for name, value in row._asdict().items() if name != "seq"},
                ).scalar_one()
                for row in rows
            ]
            if ended is not None:
                _release(execute, ended)
        return places

    def _page(
        self, run: str | None, kind: str | None, key: str | None, after: int, limit: int
    ) -> list[Row]:
        return self._rows(
            "seq > :after", "ORDER BY seq", run=run, kind=kind, key=key, after=after, limit=limit
        )

    def _latest(self, run: str | None, kind: str, key: str | None) -> Row | None:
        found = self._rows("true", "ORDER BY seq DESC", run=run, kind=kind, key=key, limit=1)
        return found[0] if found else None

    def _rows(self, where: str, order: str, **values: Any) -> list[Row]:
        asked = {name: value for name, value in values.items() if value is not None}
        names = [f" AND {name} = :{name}" for name in ("run", "kind", "key") if name in asked]
        statement = (
            f"SELECT {COLUMNS} FROM opto_event WHERE {where}{''.join(names)} {order} LIMIT :limit"  # noqa: S608
        )
        with self._transaction(self._reader) as execute:
            return [Row(*found) for found in execute(statement, **asked)]

    def _prepare(self) -> None:
        with self._transaction(self._writer) as execute:
            execute("SELECT pg_advisory_xact_lock(:lock)", lock=LOCK)
            if execute("SELECT to_regclass('opto_journal')").scalar() is None:
                for statement in POSTGRES:
                    execute(statement)
            version = execute("SELECT version FROM opto_journal").scalar_one()
        if version > VERSION:
            raise StoreError(
                f"{self.address} holds a journal of version {version}, and this installation "
                f"knows versions up to {VERSION}: update trace-opt, or take another database"
            )

    @contextmanager
    def _transaction(self, link: Link[Any]) -> Iterator[Any]:
        sql = _sqlalchemy()
        try:
            with link.use() as connection, connection.begin():
                yield lambda statement, **values: connection.execute(sql.text(statement), values)
        except sql.exc.SQLAlchemyError as error:
            said = hide(str(getattr(error, "orig", error)).strip(), self._secret.value)
            raise StoreError(
                f"the journal {self.address} cannot be used; is the server there, the database "
                f"made, and the user allowed in? ({said})"
            ) from None  # the error before it quotes the data

    def __reduce__(self) -> tuple[Any, ...]:
        return PostgresJournal, (self.address,)

    def __repr__(self) -> str:
        return f"PostgresJournal({self.address!r})"


def _release(execute: Any, claim: Claim) -> None:
    execute(
        "DELETE FROM opto_claim WHERE key = :key AND owner = :owner",
        key=claim.key,
        owner=claim.owner,
    )


def _sqlalchemy() -> Any:
    try:
        # lazy: an optional package, and 0.6 s
        import psycopg  # noqa: F401 - the driver, missed here rather than in the middle
        import sqlalchemy
    except ImportError as cause:
        raise StoreError(
            "a journal in PostgreSQL needs SQLAlchemy and psycopg: "
            'pip install "trace-opt[postgres]"'
        ) from cause
    return sqlalchemy
