import time
from pathlib import Path

import pytest

from probecore.dataset import download as module
from probecore.dataset.download import UnreachableError, download
from probecore.errors import InputError

from .support import Site, closed_url, md5

CONTENT = bytes(range(256)) * 400


def get(folder: Path, *mirrors: str) -> bytes:
    return download("set.gz", md5=md5(CONTENT), mirrors=mirrors, folder=folder).read_bytes()


def test_plain_download_happens_once(tmp_path: Path, site: Site) -> None:
    site.files["set.gz"] = CONTENT
    assert get(tmp_path, site.url) == CONTENT
    assert get(tmp_path, site.url) == CONTENT
    assert site.requests == [("/set.gz", None)]
    assert [path.name for path in tmp_path.iterdir()] == ["set.gz"]


def test_a_connection_that_breaks_off_is_continued(tmp_path: Path, site: Site) -> None:
    site.files["set.gz"] = CONTENT
    site.cuts = [1000, 2000]
    assert get(tmp_path, site.url) == CONTENT
    assert [wanted for _, wanted in site.requests] == [None, "bytes=1000-", "bytes=3000-"]


def test_an_interrupted_run_is_continued_by_the_next(tmp_path: Path, site: Site) -> None:
    site.files["set.gz"] = CONTENT
    site.cuts = [1000, 0]
    with pytest.raises(UnreachableError, match="connection closed after 1000 of 102400 bytes"):
        get(tmp_path, site.url)
    assert not (tmp_path / "set.gz").exists()
    assert get(tmp_path, site.url) == CONTENT
    assert site.requests[-1] == ("/set.gz", "bytes=1000-")


def test_a_finished_but_unrenamed_file_is_not_fetched_again(tmp_path: Path, site: Site) -> None:
    site.files["set.gz"] = CONTENT
    (tmp_path / ".set.gz.partial").write_bytes(CONTENT)
    assert get(tmp_path, site.url) == CONTENT
    assert site.requests == [("/set.gz", f"bytes={len(CONTENT)}-")]


def test_a_server_that_cannot_resume_sends_the_whole_file(tmp_path: Path, site: Site) -> None:
    site.files["set.gz"] = CONTENT
    site.ranges = False
    (tmp_path / ".set.gz.partial").write_bytes(CONTENT[:1000])
    assert get(tmp_path, site.url) == CONTENT


def test_remains_of_something_else_do_no_harm(tmp_path: Path, site: Site) -> None:
    site.files["set.gz"] = CONTENT
    (tmp_path / ".set.gz.partial").write_bytes(b"x" * 1000)
    assert get(tmp_path, site.url) == CONTENT
    assert [wanted for _, wanted in site.requests] == ["bytes=1000-", None]


def test_the_next_mirror_takes_over_and_continues(tmp_path: Path, site: Site) -> None:
    site.files["set.gz"] = CONTENT
    (tmp_path / ".set.gz.partial").write_bytes(CONTENT[:5000])
    assert get(tmp_path, closed_url(), site.url + "absent/", site.url) == CONTENT
    assert site.requests == [("/absent/set.gz", "bytes=5000-"), ("/set.gz", "bytes=5000-")]


def test_a_wrong_file_is_refused_and_not_kept(tmp_path: Path, site: Site) -> None:
    site.files["set.gz"] = b"<html>please log in</html>"
    with pytest.raises(InputError, match=f"{site.url}set.gz: its MD5 is not the published"):
        get(tmp_path, site.url, closed_url())
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_mirror_is_passed_over(tmp_path: Path, site: Site) -> None:
    site.files |= {"bad/set.gz": CONTENT[:-1], "set.gz": CONTENT}
    assert get(tmp_path, site.url + "bad/", site.url) == CONTENT


def test_no_mirror_answers(tmp_path: Path, site: Site) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"Connection refused; .*HTTP Error 404|Connection refused; .*Not Found"):
        get(tmp_path / "absent", closed_url(), site.url)
    assert time.monotonic() - began < 5
    assert not (tmp_path / "absent").exists()


def test_a_log_gets_plain_lines(tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.files["set.gz"] = CONTENT
    get(tmp_path, site.url)
    assert capsys.readouterr().err == f"{site.url}set.gz: 102,400 bytes\n{site.url}set.gz: 100 %\n"


def test_a_file_without_end_is_cut(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    site.files["set.gz"] = CONTENT * 100
    with pytest.raises(InputError, match="its MD5 is not the published"):
        get(tmp_path, site.url)
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_that_drips_is_given_up(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.3)
    site.files["set.gz"] = CONTENT
    site.cuts = [100] * 1000
    site.delay = 0.05
    begin = time.monotonic()
    with pytest.raises(UnreachableError, match=r"not done after 0 seconds|connection closed"):
        get(tmp_path, site.url)
    assert time.monotonic() - begin < 10
    assert 0 < (tmp_path / ".set.gz.partial").stat().st_size < len(CONTENT)
