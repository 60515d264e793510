# A step that an experiment does not have still has its last file, which says so.


rule unwanted:
    output:
        "results/{step_and_experiment}/summary.json",
    log:
        "logs/{step_and_experiment}/unwanted.log",
    wildcard_constraints:
        step_and_experiment=only(common.unwanted()),
    localrule: True
    params:
        step=lambda wildcards: wildcards.step_and_experiment.split("/")[0],
        experiment=lambda wildcards: wildcards.step_and_experiment.split("/")[1],
        partial="results/{step_and_experiment}/.summary.json.partial",
    message:
        "{params.experiment} has no step {params.step}"
    shell:
        'echo \'{{"step": "{params.step}", "experiment": "{params.experiment}", "wanted": false}}\''
        " > {params.partial} 2> {log} && mv {params.partial} {output}"
