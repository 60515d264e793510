# RECOS: rectified correlations on a sphere.
RECOS_TABLES = ["confusion", "filters", "polarity", "scalings"]


rule recos_network:
    output:
        expand("results/recos/{{experiment}}/{{network}}/{table}.csv", table=RECOS_TABLES),
    input:
        code=code_of("probecore.recos.run"),
        data=dataset_of,
        checkpoints="results/train/{experiment}/{network}.safetensors",
    params:
        section=section("recos"),
        numerics=numerics,
    log:
        "logs/recos/{experiment}/{network}.log",
    benchmark:
        "logs/recos/{experiment}/{network}.benchmark.tsv"
    message:
        "RECOS of {wildcards.network} of {wildcards.experiment}"
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus,
    shell:
        "probecore recos network --data {input.data} --checkpoints {input.checkpoints}"
        " --params {params.section:q} --numerics {params.numerics:q}"
        " --output results/recos/{wildcards.experiment}/{wildcards.network} > {log} 2>&1"


rule recos_summary:
    output:
        expand("results/recos/{{experiment}}/{table}.csv", table=RECOS_TABLES),
        multiext("results/recos/{experiment}/polarity", ".svg", ".png"),
        multiext("results/recos/{experiment}/confusion", ".svg", ".png"),
        summary="results/recos/{experiment}/summary.json",
    input:
        code=code_of("probecore.recos.summary"),
        tables=networks_of(*expand("results/recos/{{experiment}}/{{network}}/{table}.csv", table=RECOS_TABLES)),
    params:
        folders=networks_of("results/recos/{experiment}/{network}"),
    wildcard_constraints:
        experiment=only(wanted("recos")),
    log:
        "logs/recos/{experiment}/summary.log",
    message:
        "Gathering RECOS of {wildcards.experiment}"
    localrule: True
    shell:
        "probecore recos summary --experiment {wildcards.experiment}"
        " --output results/recos/{wildcards.experiment} {params.folders} > {log} 2>&1"
