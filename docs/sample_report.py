"""A hook of mkdocs: the report of the repository's study becomes a page of the site, where it was made."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

REPORT = Path(__file__).parent.parent / "results" / "report" / "index.html"
ABSENT = "<p>Made where the study was not: <code>make demo</code>, then <code>make docs</code>.</p>"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page that `index.md` links."""
    content = REPORT.read_bytes() if REPORT.exists() else ABSENT.encode()
    files.append(File.generated(config, "sample_report.html", content=content))
    return files
