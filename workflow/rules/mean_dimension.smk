# Mean dimension of outputs, layers and filters.
MEAN_DIMENSION_TABLES = ["companions", "deletion", "filters", "heatmaps", "layers", "outputs", "units"]
MEAN_DIMENSION_FIGURES = ["companions", "deletion", "heatmaps", "layers", "outputs"]


rule mean_dimension_network:
    input:
        code=common.code_of("probecore.measures.mean_dimension.run"),
        data=common.dataset_of,
        own=common.own_files,
        checkpoints="results/train/{experiment}/{network}.safetensors",
    output:
        expand("results/mean_dimension/{{experiment}}/{{network}}/{table}.csv", table=MEAN_DIMENSION_TABLES),
        "results/mean_dimension/{experiment}/{network}/heatmaps.h5",
    log:
        "logs/mean_dimension/{experiment}/{network}.log",
    benchmark:
        "logs/mean_dimension/{experiment}/{network}.benchmark.tsv"
    threads: common.threads
    resources:
        cpus_per_task=common.threads,
        mem_mb=6000,
        runtime=240,
        gpu=common.gpus,
    params:
        section=common.section("mean_dimension"),
        numerics=common.numerics,
    message:
        "Mean dimension of {wildcards.network} of {wildcards.experiment}"
    shell:
        "probecore mean_dimension network --data {input.data} --checkpoints {input.checkpoints}"
        " --params {params.section:q} --numerics {params.numerics:q}"
        " --output results/mean_dimension/{wildcards.experiment}/{wildcards.network} > {log} 2>&1"


rule mean_dimension_summary:
    input:
        code=common.code_of("probecore.measures.mean_dimension.summary"),
        tables=common.networks_of(
            *expand(
                "results/mean_dimension/{{experiment}}/{{network}}/{table}.csv",
                table=MEAN_DIMENSION_TABLES,
            ),
            "results/mean_dimension/{experiment}/{network}/heatmaps.h5",
        ),
    output:
        expand("results/mean_dimension/{{experiment}}/{table}.csv", table=MEAN_DIMENSION_TABLES),
        expand(
            "results/mean_dimension/{{experiment}}/{figure}.{kind}", figure=MEAN_DIMENSION_FIGURES, kind=["svg", "png"]
        ),
        summary="results/mean_dimension/{experiment}/summary.json",
    log:
        "logs/mean_dimension/{experiment}/summary.log",
    wildcard_constraints:
        experiment=only(common.wanted("mean_dimension")),
    localrule: True
    params:
        folders=common.networks_of("results/mean_dimension/{experiment}/{network}"),
    message:
        "Gathering mean dimension of {wildcards.experiment}"
    shell:
        "probecore mean_dimension summary --experiment {wildcards.experiment}"
        " --output results/mean_dimension/{wildcards.experiment} {params.folders} > {log} 2>&1"
