# The one DAG of a study. It runs in any folder with a params.yaml:
#   snakemake --cores 2
#   snakemake --snakefile path/to/Snakefile --directory path/to/study --cores 2
from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/common.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/recos.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        rules.report.output,
