# Networks by condition and seed, with checkpoints over training.


rule train_network:
    input:
        code=common.code_of("probecore.train.run"),
        data=common.dataset_of,
        own=common.own_files,
    output:
        checkpoints="results/train/{experiment}/{network}.safetensors",
        history="results/train/{experiment}/{network}.csv",
    log:
        "logs/train/{experiment}/{network}.log",
    benchmark:
        "logs/train/{experiment}/{network}.benchmark.tsv"
    threads: common.threads
    resources:
        cpus_per_task=common.threads,
        mem_mb=common.asks("train", mem_mb=4000),
        runtime=common.asks("train", runtime=240),
        gpu=common.gpus,
    params:
        section=common.section("train"),
        numerics=common.numerics,
    message:
        "Training {wildcards.network} of {wildcards.experiment}"
    shell:
        "probecore train network --experiment {wildcards.experiment} --network {wildcards.network}"
        " --data {input.data} --params {params.section:q} --numerics {params.numerics:q}"
        " --checkpoints {output.checkpoints} --history {output.history} > {log} 2>&1"


rule train_summary:
    input:
        code=common.code_of("probecore.train.summary"),
        histories=common.networks_of("results/train/{experiment}/{network}.csv"),
    output:
        common.gathered(
            "results/train/{experiment}",
            ["history.csv", "final.csv", "learning_curves.svg", "learning_curves.png"],
            title="Train",
        ),
        summary="results/train/{experiment}/summary.json",
    log:
        "logs/train/{experiment}/summary.log",
    wildcard_constraints:
        experiment=only(common.wanted("train")),
    localrule: True
    message:
        "Gathering the networks of {wildcards.experiment}"
    shell:
        "probecore train summary --experiment {wildcards.experiment}"
        " --output results/train/{wildcards.experiment} {input.histories} > {log} 2>&1"
