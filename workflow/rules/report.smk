# One page for the study, tables of what it shows, and its headline numbers.


rule report:
    input:
        code=common.code_of("probecore.report.build"),
        data=common.datasets(),
        summaries=common.summaries(),
        checkpoints=common.checkpoints(),
        # Tables and figures: all that a step's summary rule writes.
        gathered=[
            expand(getattr(rules, f"{step}_summary").output, experiment=common.wanted(step), universe="")
            for step in STEPS
        ],
        verdicts=common.verdicts(),
    output:
        page="results/report/index.html",
        tables=["results/report/answers.csv", "results/report/filters.csv"],
        metrics="results/metrics.json",
    log:
        "logs/report.log",
    localrule: True
    params:
        study=common.whole,
    message:
        "Writing the report"
    shell:
        "probecore report --output {output.page} --metrics {output.metrics} > {log} 2>&1"
