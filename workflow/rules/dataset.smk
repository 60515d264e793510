# A data set from its source, checked. It may need the network, so it runs on the submitting host.


rule dataset:
    output:
        "data/{dataset}.h5",
    input:
        code=code_of("probecore.dataset.make"),
    params:
        section=lambda wildcards: json.dumps(written["datasets"][wildcards.dataset], sort_keys=True),
    wildcard_constraints:
        dataset=only(study.datasets),
    log:
        "logs/dataset/{dataset}.log",
    message:
        "Making the data set {wildcards.dataset}"
    localrule: True
    shell:
        "probecore dataset {wildcards.dataset} --params {params.section:q} --output {output} > {log} 2>&1"
