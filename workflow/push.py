"""Send what `dvc.lock` records to the study's DVC remote, and print how many objects were sent.

`dvc push` believes that the files of a folder are in the remote if the list of them is; a `dvc push` that was killed
may have left it without them. Here the remote is asked for each object, and no list is sent before all files are there.
Run as a command by `probecore push`; the remote may be of any kind that DVC knows.
"""

import sys
from pathlib import Path
from typing import Any, NoReturn

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.index import Index
from dvc_data.hashfile.db import HashFileDB
from dvc_data.hashfile.transfer import find_tree_by_obj_id

from probecore.verify import is_intact

Objects = dict[str, str]
"""Names of objects, which are MD5 of their content, each with one file or folder of the study that has it."""


def push(repo: Any) -> int:
    """Send what the remote lacks; how many objects were sent. If any cannot be sent, none is."""
    cache, remote = repo.cache.local, repo.cloud.get_remote_odb(command="push")
    lacking = [_lacking(objects, remote) for objects in _recorded(repo, cache, remote)]
    for objects in lacking:
        for name, file in objects.items():
            if not is_intact(Path(cache.oid_to_path(name))):
                _stop(file, Path(cache.oid_to_path(name)))
    for objects in lacking:
        _send(objects, cache, remote)
    return sum(map(len, lacking))


def _recorded(repo: Any, cache: HashFileDB, remote: HashFileDB) -> tuple[Objects, Objects]:
    """Single files, and lists of folders, of the present stages; without what is kept from remotes or the cache."""
    files, lists = {}, {}
    for out in Index.from_file(repo, "dvc.yaml").outs:
        if not (out.use_cache and out.can_push and out.hash_info):
            continue
        name, path = out.hash_info.value, str(out)
        if not out.hash_info.isdir:
            files[name] = path
            continue
        lists[name] = path
        cached = Path(cache.oid_to_path(name))
        folder = find_tree_by_obj_id([cache if is_intact(cached) else remote], out.hash_info)
        if folder is None:
            _stop(f"the list of {path}", cached)
        files |= {entry.value: "/".join([path, *parts]) for parts, _, entry in folder}
    return files, lists


def _lacking(objects: Objects, remote: Any) -> Objects:
    there = set(remote.oids_exist(objects))
    return {name: file for name, file in objects.items() if name not in there}


def _stop(file: str, cached: Path) -> NoReturn:
    sys.exit(
        f"probecore: {file}: not in the remote, and missing or damaged in DVC's cache; delete {cached} if it is there,"
        " then `snakemake` and `probecore record` bring it back"
    )


def _send(objects: Objects, cache: HashFileDB, remote: HashFileDB) -> None:
    if objects:
        paths = [cache.oid_to_path(name) for name in objects]
        remote.add(paths, cache.fs, list(objects), check_exists=False, verify=False)


if __name__ == "__main__":
    try:
        print(push(Repo()))
    except DvcException as error:
        sys.exit(f"probecore: {error}")
