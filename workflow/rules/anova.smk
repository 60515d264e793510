# ANOVA of weights on features.
ANOVA_TABLES = [
    "expanded",
    "filters",
    "kernels",
    "one_way",
    "pairs",
    "permutations",
    "relations",
    "two_way",
]
ANOVA_FIGURES = [
    "dilations",
    "epochs",
    "kernels",
    "pairs",
    "permutations",
    "relations",
    "residuals",
]


rule anova_network:
    input:
        code=common.code_of("probecore.measures.anova.run"),
        data=common.dataset_of,
        own=common.own_files,
        checkpoints="results/train/{experiment}/{network}.safetensors",
        activations="results/activations/{experiment}/{network}.h5",
    output:
        expand("results/anova/{{experiment}}/{{network}}/{table}.csv", table=ANOVA_TABLES),
    log:
        "logs/anova/{experiment}/{network}.log",
    benchmark:
        "logs/anova/{experiment}/{network}.benchmark.tsv"
    threads: common.threads
    resources:
        cpus_per_task=common.threads,
        mem_mb=4000,
        runtime=60,
        gpu=common.gpus,
    params:
        section=common.section("anova"),
        numerics=common.numerics,
    message:
        "ANOVA of {wildcards.network} of {wildcards.experiment}"
    shell:
        "probecore anova network --data {input.data} --checkpoints {input.checkpoints}"
        " --activations {input.activations} --params {params.section:q} --numerics {params.numerics:q}"
        " --output results/anova/{wildcards.experiment}/{wildcards.network} > {log} 2>&1"


rule anova_summary:
    input:
        code=common.code_of("probecore.measures.anova.summary"),
        tables=common.networks_of(
            *expand(
                "results/anova/{{experiment}}/{{network}}/{table}.csv",
                table=ANOVA_TABLES,
            )
        ),
    output:
        expand("results/anova/{{experiment}}/{table}.csv", table=[*ANOVA_TABLES, "verdicts"]),
        expand("results/anova/{{experiment}}/{figure}.{kind}", figure=ANOVA_FIGURES, kind=["svg", "png"]),
        summary="results/anova/{experiment}/summary.json",
    log:
        "logs/anova/{experiment}/summary.log",
    wildcard_constraints:
        experiment=only(common.wanted("anova")),
    localrule: True
    params:
        folders=common.networks_of("results/anova/{experiment}/{network}"),
    message:
        "Gathering ANOVA of {wildcards.experiment}"
    shell:
        "probecore anova summary --experiment {wildcards.experiment}"
        " --output results/anova/{wildcards.experiment} {params.folders} > {log} 2>&1"
