"""`make demo`: the shop's tests, what one of them sent, and what a request looks like that nothing answers.

Succeeds when the tests pass and the deliberate mistake is reported.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CROSSING = "tests/test_orders.py::test_an_order_goes_through_every_service"


def heading(text: str) -> None:
    """Print `text` so that it stands out between pytest's own lines."""
    print(f"\n--- {text}\n", flush=True)


def pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with plain, short output."""
    quiet = ["-p", "no:cacheprovider", "-p", "no:randomly", "--no-header", "--color=no"]
    command = [sys.executable, "-m", "pytest", *quiet, *arguments]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)  # noqa: S603  # our own command
    print("\n".join(text for text in (done.stdout.strip(), done.stderr.strip()) if text), flush=True)
    return done


def main() -> int:
    """Run the parts; the exit status."""
    heading("1. A shop on requests, httpx, openai (httpx2), aiohttp and boto3: its tests, with no network")
    suite = pytest("-v", "-p", "isolation")
    if sys.version_info >= (3, 11):
        heading("2. One test through all five clients: print(net.calls)")
        pytest("-q", "-rP", "--show-capture=stdout", CROSSING)
    else:
        heading("2. left out: openai sends with httpx2, which needs Python 3.11")
    heading("3. One test at three layers: in the client, on the wire with TLS, on a server; what each call came over")
    pytest("-q", "-rP", "--show-capture=stdout", "tests/test_layers.py")
    heading("4. A deliberate mistake: the stub says /user/{id}, the code asks /users/7")
    mistake = pytest("-q", "--tb=short", "deliberate")
    reported = mistake.returncode == 1 and "no route answers" in mistake.stdout
    heading(
        f"Suite: {'passed' if suite.returncode == 0 else 'FAILED'}. Mistake: {'reported' if reported else 'MISSED'}."
    )
    return 0 if suite.returncode == 0 and reported else 1


if __name__ == "__main__":
    sys.exit(main())
