"""Which machine this is, in words that can stand in Git: no host, no serial number."""

import platform
import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def processor() -> str:
    """Vendor, model name, family, model and stepping of this machine's processor."""
    try:
        entries = dict(re.findall(r"^([^\t:]+?)\s*: (.*)$", CPUINFO.read_text().partition("\n\n")[0], re.MULTILINE))
    except OSError:
        entries = {}
    if "vendor_id" not in entries:
        return platform.processor() or platform.machine()
    numbers = ", ".join(f"{name} {entries[key]}" for name, key in _NUMBERS.items() if key in entries)
    return f"{entries['vendor_id']}: {entries.get('model name', 'unnamed').strip()} ({numbers})"


_NUMBERS = {"family": "cpu family", "model": "model", "stepping": "stepping"}


def caches() -> str:
    """Sizes of the first processor's caches, e.g. ``L1 48K, L2 2048K, L3 107520K``; empty where not told."""
    found = []
    for folder in sorted(CACHES.glob("index*")):
        try:
            kind, level, size = ((folder / name).read_text().strip() for name in ("type", "level", "size"))
        except OSError:
            continue
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found)
