# What layers answer to images, dumped for the measures that read it.


rule activations_network:
    output:
        "results/activations/{experiment}/{network}.h5",
    input:
        code=code_of("probecore.activations.run"),
        data=dataset_of,
        checkpoints="results/train/{experiment}/{network}.safetensors",
    params:
        section=section("activations"),
        numerics=numerics,
    log:
        "logs/activations/{experiment}/{network}.log",
    benchmark:
        "logs/activations/{experiment}/{network}.benchmark.tsv"
    message:
        "Dumping activations of {wildcards.network} of {wildcards.experiment}"
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=gpus,
    shell:
        "probecore activations network --data {input.data} --checkpoints {input.checkpoints}"
        " --params {params.section:q} --numerics {params.numerics:q} --output {output} > {log} 2>&1"


rule activations_summary:
    output:
        "results/activations/{experiment}/layers.csv",
        multiext("results/activations/{experiment}/silent", ".svg", ".png"),
        summary="results/activations/{experiment}/summary.json",
    input:
        code=code_of("probecore.activations.summary"),
        dumps=networks_of("results/activations/{experiment}/{network}.h5"),
    wildcard_constraints:
        experiment=only(wanted("activations")),
    log:
        "logs/activations/{experiment}/summary.log",
    message:
        "Gathering the activations of {wildcards.experiment}"
    localrule: True
    shell:
        "probecore activations summary --experiment {wildcards.experiment}"
        " --output results/activations/{wildcards.experiment} {input.dumps} > {log} 2>&1"
