# Networks by condition and seed, with checkpoints over training.


rule train_network:
    output:
        checkpoints="results/train/{experiment}/{network}.safetensors",
        history="results/train/{experiment}/{network}.csv",
    input:
        code=code_of("probecore.train.run"),
        data=dataset_of,
        own=own_files,
    params:
        section=section("train"),
        numerics=numerics,
    log:
        "logs/train/{experiment}/{network}.log",
    benchmark:
        "logs/train/{experiment}/{network}.benchmark.tsv"
    message:
        "Training {wildcards.network} of {wildcards.experiment}"
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=gpus,
    shell:
        "probecore train network --experiment {wildcards.experiment} --network {wildcards.network}"
        " --data {input.data} --params {params.section:q} --numerics {params.numerics:q}"
        " --checkpoints {output.checkpoints} --history {output.history} > {log} 2>&1"


rule train_summary:
    output:
        "results/train/{experiment}/history.csv",
        "results/train/{experiment}/final.csv",
        multiext("results/train/{experiment}/learning_curves", ".svg", ".png"),
        summary="results/train/{experiment}/summary.json",
    input:
        code=code_of("probecore.train.summary"),
        histories=networks_of("results/train/{experiment}/{network}.csv"),
    wildcard_constraints:
        experiment=only(wanted("train")),
    log:
        "logs/train/{experiment}/summary.log",
    message:
        "Gathering the networks of {wildcards.experiment}"
    localrule: True
    shell:
        "probecore train summary --experiment {wildcards.experiment}"
        " --output results/train/{wildcards.experiment} {input.histories} > {log} 2>&1"
