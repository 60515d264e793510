"""A study over time: new parameters, older revisions, everything deleted, experiments added and removed."""

import json
import shutil

from probecore.params import STEPS
from tests.workflow.repository import Repository

BATCH = "experiments.bare.train.batch"


def test_there_and_back(repository: Repository) -> None:
    first = repository.hashes()
    page = (repository.folder / "results/report/index.html").read_bytes()

    shutil.rmtree(repository.folder / ".snakemake")  # as after a pull: Snakemake has no record of anything
    repository.edit(BATCH, 50)
    repository.dvc("repro")
    second = repository.hashes()
    assert first["results/train/bare/history.csv"] != second["results/train/bare/history.csv"]
    assert repository.wanted_by_snakemake() == set()
    assert repository.is_recorded()
    repository.commit("batch")

    assert "train_accuracy" in repository.dvc("metrics", "diff", "HEAD~1")
    changed = json.loads(repository.dvc("params", "diff", "HEAD~1", "--json"))
    assert list(changed["params.yaml"]) == [BATCH]

    repository.edit(BATCH, 20)
    assert repository.dvc("repro").count("is cached") >= 2
    assert repository.hashes() == first
    assert repository.wanted_by_snakemake() == set()

    repository.git("checkout", "--force", "main")
    repository.dvc("checkout")
    assert repository.hashes() == second
    assert repository.wanted_by_snakemake() == set()

    repository.git("checkout", "--quiet", "HEAD~1")
    repository.dvc("checkout")
    assert repository.wanted_by_snakemake() == set()
    assert (repository.folder / "results/report/index.html").read_bytes() == page
    assert repository.is_recorded()


def test_a_line_of_code_for_real(repository: Repository) -> None:
    first = repository.hashes()
    module = repository.folder / "probecore/report/page.py"
    module.write_text(module.read_text().replace("{value:.4g}", "{value:.3g}"))
    repository.snakemake()
    assert {file for file, value in repository.hashes().items() if value != first[file]} == {
        "results/report/index.html"
    }
    assert repository.wanted_by_snakemake() == set()
    repository.git("checkout", "probecore")
    assert repository.wanted_by_snakemake() == repository.wanted_by_dvc() == {("report", "")}
    repository.dvc("checkout", "--force")
    assert repository.hashes() == first
    assert repository.wanted_by_snakemake() == repository.wanted_by_dvc() == set()


def test_an_experiment_comes_and_goes(repository: Repository) -> None:
    params = repository.params()
    bare = params["experiments"]["bare"]
    params["experiments"]["more"] = bare | {"train": bare["train"] | {"seeds": [7]}}
    repository.write_params(params)
    assert repository.wanted_by_snakemake() == repository.wanted_by_dvc() == {("train", "more"), ("report", "")}
    repository.snakemake()
    repository.probecore("record")
    assert repository.is_recorded()

    repository.git("checkout", "params.yaml")
    assert repository.wanted_by_snakemake() == repository.wanted_by_dvc() == {("report", "")}
    refused = repository.run("dvc", "repro", check=False)
    assert refused.returncode != 0
    left = ", ".join(sorted(f"results/{step}/more" for step in STEPS))
    assert f"probecore: {left}: not in" in refused.stdout
    repository.snakemake()
    assert "`probecore clean`" in repository.probecore("record", check=False).stdout
    listed = repository.probecore("clean").stdout
    assert "results/train/more/trained-7.safetensors" in listed
    assert "bare" not in listed
    repository.probecore("clean", "--yes")
    assert not (repository.folder / "results/train/more").exists()
    repository.probecore("record")

    repository.commit("gone")
    repository.dvc("push")
    clone = repository.clone("clone")
    clone.dvc("pull")
    assert clone.is_recorded()


def test_experiments_of_dvc(repository: Repository) -> None:
    before = repository.hashes()
    repository.dvc("exp", "run", "--name", "aside", "--temp", "--set-param", f"{BATCH}=50")
    assert repository.hashes() == before
    assert repository.git("status", "--short") == ""
    repository.dvc("exp", "apply", "aside")
    assert repository.params()["experiments"]["bare"]["train"]["batch"] == 50
    assert repository.is_recorded()
    assert repository.wanted_by_snakemake() == set()


def test_metrics_and_plots(repository: Repository) -> None:
    metrics = json.loads(repository.dvc("metrics", "show", "--json"))
    assert metrics[""]["data"]["results/metrics.json"]["data"]["tiny"]["train"]["test_accuracy.trained"] > 0.1
    printed = repository.dvc("plots", "show", "--json").splitlines()
    plots = json.loads(next(line for line in printed if line.startswith("{")))["data"]
    for experiment in ("tiny", "bare"):
        curve = plots[f"results/train/{experiment}/history.csv"][0]["content"]
        epochs = {point["epoch"] for point in curve["data"]["values"]}
        assert epochs == {"0", "1"}
