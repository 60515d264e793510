# Mechanism: what each filter says.
MECHANISM_TABLES = [
    "connections",
    "examples",
    "filters",
    "layers",
    "pruning",
    "sizes",
    "sweep",
    "worth",
]
MECHANISM_FIGURES = ["depth", "matrices", "pruning", "quality", "sizes", "sweep", "worth"]


rule mechanism_network:
    input:
        code=common.code_of("probecore.measures.mechanism.run"),
        data=common.dataset_of,
        own=common.own_files,
        checkpoints="results/train/{experiment}/{network}.safetensors",
    output:
        expand("results/mechanism/{{experiment}}/{{network}}/{table}.csv", table=MECHANISM_TABLES),
        "results/mechanism/{experiment}/{network}/fields.h5",
    log:
        "logs/mechanism/{experiment}/{network}.log",
    benchmark:
        "logs/mechanism/{experiment}/{network}.benchmark.tsv"
    threads: common.threads
    resources:
        cpus_per_task=common.threads,
        mem_mb=8000,
        runtime=240,
        gpu=common.gpus,
    params:
        section=common.section("mechanism"),
        numerics=common.numerics,
    message:
        "Mechanism of {wildcards.network} of {wildcards.experiment}"
    shell:
        "probecore mechanism network --data {input.data} --checkpoints {input.checkpoints}"
        " --params {params.section:q} --numerics {params.numerics:q}"
        " --output results/mechanism/{wildcards.experiment}/{wildcards.network} > {log} 2>&1"


rule mechanism_summary:
    input:
        code=common.code_of("probecore.measures.mechanism.summary"),
        tables=common.networks_of(
            *expand(
                "results/mechanism/{{experiment}}/{{network}}/{table}.csv",
                table=MECHANISM_TABLES,
            )
        ),
    output:
        expand("results/mechanism/{{experiment}}/{table}.csv", table=MECHANISM_TABLES),
        expand(
            "results/mechanism/{{experiment}}/{figure}{suffix}",
            figure=MECHANISM_FIGURES,
            suffix=[".svg", ".png"],
        ),
        summary="results/mechanism/{experiment}/summary.json",
    log:
        "logs/mechanism/{experiment}/summary.log",
    wildcard_constraints:
        experiment=only(common.wanted("mechanism")),
    localrule: True
    params:
        folders=common.networks_of("results/mechanism/{experiment}/{network}"),
    message:
        "Gathering mechanism of {wildcards.experiment}"
    shell:
        "probecore mechanism summary --experiment {wildcards.experiment}"
        " --output results/mechanism/{wildcards.experiment} {params.folders} > {log} 2>&1"
