# A data set from its source, checked. It may need the network, so it runs on the submitting host.


rule dataset:
    input:
        code=common.code_of("probecore.dataset.make"),
        source=common.source_of,
    output:
        "data/{dataset}.h5",
    log:
        "logs/dataset/{dataset}.log",
    wildcard_constraints:
        dataset=only(common.study.datasets),
    localrule: True
    params:
        section=common.dataset_section,
    message:
        "Making the data set {wildcards.dataset}"
    shell:
        "probecore dataset {wildcards.dataset} --params {params.section:q} --output {output} > {log} 2>&1"
