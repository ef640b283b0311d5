"""Make ``.venv``, or say in a sentence why it cannot be made: ``python3 make_venv.py run|test``.

``run`` is what scoring a patient needs, ``test`` adds what builds models, checks the code and runs the tests. Every
package is taken in the version and with the SHA-256 that Testing/Requirements names; `make pins` renews them.
Called by every target of the Makefile, it returns at once when there is nothing to do. ``.venv/made-from`` is
written last and says from what: without it the folder is half-made and is made anew, with another content it
is brought up to date.

Only the standard library, and only syntax that a Python 3.6 understands, so that it hears it is too old.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
MADE_FROM = VENV / "made-from"
REQUIREMENTS = ROOT / "Testing" / "Requirements"
BUILD_SHIM = ROOT / "Testing" / "Tools" / "build_shim"

SUITABLE = ("python3.13", "python3.12", "python3.11", "python3.10")
VERSION = "{}.{}".format(*sys.version_info)
PROFILES = ("run", "test")


def what_is_missing() -> str:
    """A sentence about what this Python or machine lacks, or an empty string."""
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        found = [name for name in SUITABLE if shutil.which(name)]
        advice = f"try: make PYTHON={found[0]}" if found else "install one of these versions"
        return f"CPython 3.10 to 3.13 is needed, {sys.executable} is {VERSION}; {advice}."
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return "This Python has no venv module; install it (on Debian and Ubuntu: apt install python3-venv)."
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "gcc").split()[0]
    if not shutil.which(compiler):
        return (
            f"PyRadiomics is compiled on installation and the C compiler '{compiler}' is not there; install "
            "it (on Debian and Ubuntu: apt install gcc) or name another one: CC=gcc make."
        )
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return (
            f"PyRadiomics is compiled on installation and the headers (Python.h) of {sys.executable} are not "
            "there; install them (on Debian and Ubuntu: apt install python3-dev)."
        )
    return ""


def fingerprint() -> str:
    """Of all that decides what is installed; with the place, as a moved .venv still points to the old one."""
    content = hashlib.sha256(str(ROOT).encode())
    for path in (ROOT / "pyproject.toml", *sorted(REQUIREMENTS.glob("*.txt")), Path(__file__).resolve()):
        content.update(path.read_bytes())
    return content.hexdigest()


def interpreter_is_the_same() -> bool:
    """Whether .venv still starts, and with this Python's version."""
    say_version = "import sys; print('{}.{}'.format(*sys.version_info))"
    try:
        answer = subprocess.run([str(VENV_PYTHON), "-c", say_version], stdout=subprocess.PIPE)
    except OSError:
        return False
    return answer.stdout.decode().strip() == VERSION


def pip_install(*what: str) -> None:
    """Install into .venv, building with the tools that are already in it."""
    environment = {**os.environ, "PYTHONPATH": str(BUILD_SHIM), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [str(VENV_PYTHON), "-m", "pip", "install", "-q", "--no-build-isolation", *what]
    subprocess.run(command, cwd=str(ROOT), env=environment, check=True)


def install_pinned(name: str) -> None:
    """Install what Testing/Requirements/``name``.txt lists; a file with another content than pinned is refused."""
    pip_install("--require-hashes", "-r", str(REQUIREMENTS / f"{name}.txt"))


def make(profile: str) -> None:
    """Bring .venv to what ``profile`` needs; a profile that was once installed is kept."""
    made_from = MADE_FROM.read_text() if MADE_FROM.exists() else ""
    reusable = bool(made_from) and interpreter_is_the_same()
    if reusable and made_from.startswith("test"):
        profile = "test"
    wanted = f"{profile} {fingerprint()}\n"
    if reusable and made_from == wanted:
        return

    missing = what_is_missing()
    if missing:
        sys.exit("The environment cannot be made. " + missing)
    import venv  # not at the top: it is one of the things that can be missing

    if reusable:
        print("Bringing .venv up to date ...", flush=True)
        MADE_FROM.unlink()
    else:
        print(f"Making .venv with Python {VERSION} (some minutes, only once) ...", flush=True)
        venv.create(str(VENV), clear=True, symlinks=True, with_pip=True)
    install_pinned("build")
    install_pinned(profile)
    pip_install("--no-deps", "-e", ".")  # the project itself: a folder has no hash
    MADE_FROM.write_text(wanted)


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in PROFILES:
        print("usage: make_venv.py run|test", file=sys.stderr)
        return 2
    try:
        make(sys.argv[1])
    except subprocess.CalledProcessError:
        print(
            "The environment was not made: pip failed, and says why above. If PyPI was not reached, check "
            "the connection and call make again; it starts afresh.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the next call of make starts afresh.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
