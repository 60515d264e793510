# Mutual information: who knows what, and when.
MUTUAL_INFORMATION_TABLES = [
    "ablation",
    "choice",
    "classes",
    "contrasts",
    "convergence",
    "design",
    "filters",
    "layers",
    "orders",
    "pairs",
    "plane",
]
MUTUAL_INFORMATION_FIGURES = [
    "ablation",
    "classes",
    "convergence",
    "layers",
    "orders",
    "plane",
    "redundancy",
    "units",
]


rule mutual_information_network:
    input:
        code=common.code_of("probecore.measures.mutual_information.run"),
        data=common.dataset_of,
        own=common.own_files,
        checkpoints="results/train/{experiment}/{network}.safetensors",
        activations="results/activations/{experiment}/{network}.h5",
    output:
        expand(
            "results/mutual_information/{{experiment}}/{{network}}/{table}.csv",
            table=MUTUAL_INFORMATION_TABLES,
        ),
    log:
        "logs/mutual_information/{experiment}/{network}.log",
    benchmark:
        "logs/mutual_information/{experiment}/{network}.benchmark.tsv"
    threads: common.threads
    resources:
        cpus_per_task=common.threads,
        mem_mb=6000,
        runtime=120,
        gpu=common.gpus,
    params:
        section=common.section("mutual_information"),
        numerics=common.numerics,
    message:
        "Mutual information of {wildcards.network} of {wildcards.experiment}"
    shell:
        "probecore mutual_information network --data {input.data} --checkpoints {input.checkpoints}"
        " --activations {input.activations}"
        " --params {params.section:q} --numerics {params.numerics:q}"
        " --output results/mutual_information/{wildcards.experiment}/{wildcards.network} > {log} 2>&1"


rule mutual_information_summary:
    input:
        code=common.code_of("probecore.measures.mutual_information.summary"),
        tables=common.networks_of(
            *expand(
                "results/mutual_information/{{experiment}}/{{network}}/{table}.csv",
                table=MUTUAL_INFORMATION_TABLES,
            )
        ),
    output:
        expand(
            "results/mutual_information/{{experiment}}/{table}.csv",
            table=MUTUAL_INFORMATION_TABLES,
        ),
        expand(
            "results/mutual_information/{{experiment}}/{figure}.{kind}",
            figure=MUTUAL_INFORMATION_FIGURES,
            kind=["svg", "png"],
        ),
        summary="results/mutual_information/{experiment}/summary.json",
    log:
        "logs/mutual_information/{experiment}/summary.log",
    wildcard_constraints:
        experiment=only(common.wanted("mutual_information")),
    localrule: True
    params:
        folders=common.networks_of("results/mutual_information/{experiment}/{network}"),
    message:
        "Gathering mutual information of {wildcards.experiment}"
    shell:
        "probecore mutual_information summary --experiment {wildcards.experiment}"
        " --output results/mutual_information/{wildcards.experiment} {params.folders} > {log} 2>&1"
