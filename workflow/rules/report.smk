# One page for the study, and its headline numbers.


def gathered(step):
    """All that the summary rule of a step writes for the experiments that have it."""
    outputs = getattr(rules, f"{step}_summary").output
    return expand(outputs, experiment=wanted(step))


rule report:
    output:
        page="results/report/index.html",
        metrics="results/metrics.json",
    input:
        code=code_of("probecore.report.build"),
        data=expand("data/{dataset}.h5", dataset=sorted({e.dataset for e in study.experiments.values()})),
        summaries=expand("results/{step}/{experiment}/summary.json", step=STEPS, experiment=study.experiments),
        gathered=[gathered(step) for step in STEPS],
        checkpoints=[
            f"results/train/{name}/{network}.safetensors"
            for name, experiment in study.experiments.items()
            for network in experiment.train.networks
        ],
    params:
        study=json.dumps(written, sort_keys=True),
    log:
        "logs/report.log",
    message:
        "Writing the report"
    localrule: True
    shell:
        "probecore report --output {output.page} --metrics {output.metrics} > {log} 2>&1"
