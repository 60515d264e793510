# RECOS: rectified correlations on a sphere.
RECOS_TABLES = [
    "angles",
    "cascade",
    "confusion",
    "embedding",
    "filters",
    "heads",
    "layers",
    "polarity",
    "positions",
    "scalings",
]
RECOS_FIGURES = [
    "anchors",
    "angles",
    "cascade",
    "confusion",
    "embedding",
    "fisher",
    "heads",
    "mean_anchor",
    "polarity",
    "positions",
    "signs",
    "spectral",
    "turned",
]


rule recos_network:
    input:
        code=common.code_of("probecore.measures.recos.run"),
        data=common.dataset_of,
        own=common.own_files,
        checkpoints="results/train/{experiment}/{network}.safetensors",
    output:
        expand("results/recos/{{experiment}}/{{network}}/{table}.csv", table=RECOS_TABLES),
        "results/recos/{experiment}/{network}/spectral.h5",
    log:
        "logs/recos/{experiment}/{network}.log",
    benchmark:
        "logs/recos/{experiment}/{network}.benchmark.tsv"
    threads: common.threads
    resources:
        cpus_per_task=common.threads,
        mem_mb=4000,
        runtime=60,
        gpu=common.gpus,
    params:
        section=common.section("recos"),
        numerics=common.numerics,
    message:
        "RECOS of {wildcards.network} of {wildcards.experiment}"
    shell:
        "probecore recos network --data {input.data} --checkpoints {input.checkpoints}"
        " --params {params.section:q} --numerics {params.numerics:q}"
        " --output results/recos/{wildcards.experiment}/{wildcards.network} > {log} 2>&1"


rule recos_summary:
    input:
        code=common.code_of("probecore.measures.recos.summary"),
        tables=common.networks_of(
            *expand(
                "results/recos/{{experiment}}/{{network}}/{table}.csv",
                table=RECOS_TABLES,
            ),
            "results/recos/{experiment}/{network}/spectral.h5",
        ),
    output:
        expand("results/recos/{{experiment}}/{table}.csv", table=[*RECOS_TABLES, "families"]),
        expand(
            "results/recos/{{experiment}}/{figure}.{kind}",
            figure=RECOS_FIGURES,
            kind=["svg", "png"],
        ),
        summary="results/recos/{experiment}/summary.json",
    log:
        "logs/recos/{experiment}/summary.log",
    wildcard_constraints:
        experiment=only(common.wanted("recos")),
    localrule: True
    params:
        folders=common.networks_of("results/recos/{experiment}/{network}"),
    message:
        "Gathering RECOS of {wildcards.experiment}"
    shell:
        "probecore recos summary --experiment {wildcards.experiment}"
        " --output results/recos/{wildcards.experiment} {params.folders} > {log} 2>&1"
