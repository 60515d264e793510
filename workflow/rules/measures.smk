# The measures: for each one rule that measures a network, and one that gathers the networks of an experiment.
# Shell commands are made when jobs run, after the loop: they take the measure from `params`. `universe` is empty, or
# ``/universes/`` and a name: the same jobs, with other choices in the measure's section.
for measure in common.measures:

    rule:
        name:
            f"{measure.name}_network"
        input:
            **common.activations_for(measure),
            code=common.code_of(f"{measure.package}.run"),
            data=common.dataset_of,
            own=common.own_files,
            checkpoints="results/train/{experiment}/{network}.safetensors",
        output:
            expand(
                f"results/{measure.name}/{{{{experiment}}}}{{{{universe}}}}/{{{{network}}}}/{{file}}",
                file=measure.network_files,
            ),
        log:
            f"logs/{measure.name}/{{experiment}}{{universe}}/{{network}}.log",
        benchmark:
            f"logs/{measure.name}/{{experiment}}{{universe}}/{{network}}.benchmark.tsv"
        threads: common.threads
        resources:
            cpus_per_task=common.threads,
            mem_mb=common.asks(measure.name, mem_mb=measure.resources.memory),
            runtime=common.asks(measure.name, runtime=measure.resources.minutes),
            gpu=common.gpus,
        params:
            step=measure.name,
            files=common.file_options,
            section=common.section(measure.name),
            numerics=common.numerics,
        message:
            f"{measure.title} of {{wildcards.network}} of {{wildcards.experiment}}{{wildcards.universe}}"
        shell:
            "probecore {params.step} network {params.files}"
            " --params {params.section:q} --numerics {params.numerics:q}"
            " --output results/{params.step}/{wildcards.experiment}{wildcards.universe}/{wildcards.network} > {log} 2>&1"

    rule:
        name:
            f"{measure.name}_summary"
        input:
            code=common.code_of(f"{measure.package}.summary"),
            tables=common.networks_of(
                *expand(
                    f"results/{measure.name}/{{{{experiment}}}}{{{{universe}}}}/{{{{network}}}}/{{file}}",
                    file=measure.network_files,
                )
            ),
            measured=common.measured_for(measure),
            universes=common.universes_for(measure),
        output:
            common.gathered(
                f"results/{measure.name}/{{experiment}}{{universe}}", measure.gathered_files, title=measure.title
            ),
            summary=f"results/{measure.name}/{{experiment}}{{universe}}/summary.json",
        log:
            f"logs/{measure.name}/{{experiment}}{{universe}}/summary.log",
        wildcard_constraints:
            experiment=only(common.wanted(measure.name)),
        localrule: True
        params:
            step=measure.name,
            folders=common.networks_of(f"results/{measure.name}/{{experiment}}{{universe}}/{{network}}"),
            measured=lambda wildcards, input: [f"--measured {path}" for path in input.measured],
        message:
            f"Gathering {measure.title} of {{wildcards.experiment}}{{wildcards.universe}}"
        shell:
            "probecore {params.step} summary --experiment {wildcards.experiment}"
            " --output results/{params.step}/{wildcards.experiment}{wildcards.universe}"
            " {params.measured} {params.folders} > {log} 2>&1"
