"""A headless Chromium to look at a page with: no driver and no package, its own protocol over two pipes.

Source: the Chrome DevTools Protocol, https://chromedevtools.github.io/devtools-protocol.
"""

import base64
import itertools
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--force-color-profile=srgb",
)

KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowDown": 40, "ArrowRight": 39, "ArrowUp": 38}
"""Keys that are pressed by name, with their Windows key codes; any other character is typed."""


class Browser:
    """One tab. Commands go out and answers come in as JSON, each ended by a zero byte."""

    def __init__(self, commands: IO[bytes], answers: IO[bytes]) -> None:
        self._commands, self._answers = commands, answers
        self._ids = itertools.count(1)
        self._session: dict[str, str] = {}
        self.errors: list[str] = []
        """What the page's scripts threw, and what its policy refused."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of the protocol and wait for what it returns."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params, **self._session}
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        while (answer := self._read()).get("id") != number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a file; returns when all of it is loaded and its first scripts have run."""
        for url in ("about:blank", f"{page.resolve().as_uri()}{fragment}"):
            self.call("Page.navigate", url=url)
            while self._read().get("method") != "Page.loadEventFired":
                pass

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description", "thrown"))
        return found["result"].get("value")

    def until(self, expression: str, seconds: int = 60) -> Any:
        """Wait until an expression is true; returns its value."""
        asked = f"""new Promise((done, failed) => {{
            const end = Date.now() + {seconds * 1000};
            const look = () => {{
                const value = {expression};
                if (value) done(value);
                else if (Date.now() > end) failed(new Error("never true: " + {json.dumps(expression)}));
                else setTimeout(look, 20);
            }};
            look();
        }})"""
        return self.ask(asked)

    def press(self, key: str) -> None:
        """Press a key of `KEYS`, or type text, where the focus is."""
        if key not in KEYS:
            for character in key:
                for kind, text in (("keyDown", character), ("keyUp", "")):
                    self.call("Input.dispatchKeyEvent", type=kind, key=character, text=text)
            return
        text = {"Enter": "\r", " ": " "}.get(key, "")
        event = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key]}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, text=text, **event)

    def size(self, width: int, height: int) -> None:
        """Set the window's size in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)

    def media(self, *, print_: bool = False, dark: bool = False) -> None:
        """Show the page as on paper, or to a reader who wants it dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="print" if print_ else "", features=[scheme])

    def scripts(self, allowed: bool) -> None:
        """Whether pages that are opened from now on may run scripts; `ask` runs where they may not."""
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def picture(self) -> bytes:
        """A PNG of the window."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def _read(self) -> dict[str, Any]:
        answer = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("Chromium has ended")
            answer += byte
        message: dict[str, Any] = json.loads(answer)
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"]["exception"].get("description", "thrown"))
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        return message


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium with a profile of its own; it ends with the block."""
    to_read, to_write = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = shlex.join([str(CHROMIUM), *OPTIONS, "--remote-debugging-pipe", f"--user-data-dir={profile}"])
        started = subprocess.Popen(
            ["bash", "-c", f"exec {command} 3<&{to_read[0]} 4>&{to_write[1]}"],
            pass_fds=(to_read[0], to_write[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read[0])
        os.close(to_write[1])
        with os.fdopen(to_read[1], "wb") as commands, os.fdopen(to_write[0], "rb") as answers:
            try:
                yield Browser(commands, answers)
            finally:
                started.kill()
                started.wait()
