"""Databases that scenarios are kept in: an SQLite file, and a PostgreSQL server that the tests start and stop."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

SERVER_USER = "postgres"


def postgresql_folder() -> Path | None:
    """The folder of PostgreSQL's programs, the newest where there are several."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    return max(found, default=Path(on_path).parent if on_path else None, key=lambda path: path.parts)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A server of its own in a temporary directory, on a socket there; the address of an empty database's server."""
    programs = postgresql_folder()
    if programs is None:
        pytest.skip("PostgreSQL's programs are not installed (apt-get install postgresql)")
    # The server refuses to run as root.
    user = SERVER_USER if os.geteuid() == 0 else None
    if user is not None and SERVER_USER not in {one.pw_name for one in pwd.getpwall()}:
        pytest.skip(f"PostgreSQL does not run as root, and there is no user {SERVER_USER}")
    folder = Path(tempfile.mkdtemp(prefix="iffair-pg-"))
    if user is not None:
        shutil.chown(folder, user)

    def run(program: str, *options: str) -> None:
        made = subprocess.run(
            [str(programs / program), "-D", str(folder / "data"), *options],
            user=user, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout

    try:
        run("initdb", "--no-sync", "-U", "iffair", "-A", "trust", "-E", "UTF8", "--no-instructions")
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", settings)
        try:
            yield f"postgresql://iffair@/postgres?host={quote(str(folder))}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without anything of ours in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'folder that is not there' / '100 % ours.sqlite'}"
    import psycopg

    server = request.getfixturevalue("postgresql_server")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return server
