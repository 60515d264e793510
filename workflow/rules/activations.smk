# What layers answer to images, dumped for the measures that read it.


rule activations_network:
    input:
        code=common.code_of("probecore.activations.run"),
        data=common.dataset_of,
        own=common.own_files,
        checkpoints="results/train/{experiment}/{network}.safetensors",
    output:
        "results/activations/{experiment}/{network}.h5",
    log:
        "logs/activations/{experiment}/{network}.log",
    benchmark:
        "logs/activations/{experiment}/{network}.benchmark.tsv"
    threads: common.threads
    resources:
        cpus_per_task=common.threads,
        mem_mb=common.asks("activations", mem_mb=4000),
        runtime=common.asks("activations", runtime=60),
        gpu=common.gpus,
    params:
        section=common.section("activations"),
        numerics=common.numerics,
    message:
        "Dumping activations of {wildcards.network} of {wildcards.experiment}"
    shell:
        "probecore activations network --data {input.data} --checkpoints {input.checkpoints}"
        " --params {params.section:q} --numerics {params.numerics:q} --output {output} > {log} 2>&1"


rule activations_summary:
    input:
        code=common.code_of("probecore.activations.summary"),
        dumps=common.networks_of("results/activations/{experiment}/{network}.h5"),
    output:
        common.gathered(
            "results/activations/{experiment}", ["layers.csv", "inactive.svg", "inactive.png"], title="Activations"
        ),
        summary="results/activations/{experiment}/summary.json",
    log:
        "logs/activations/{experiment}/summary.log",
    wildcard_constraints:
        experiment=only(common.wanted("activations")),
    localrule: True
    message:
        "Gathering the activations of {wildcards.experiment}"
    shell:
        "probecore activations summary --experiment {wildcards.experiment}"
        " --output results/activations/{wildcards.experiment} {input.dumps} > {log} 2>&1"
