# The one DAG of a study, which is a folder made by `probecore init` (the repository's root is one):
#   snakemake --cores 2
# A study elsewhere has a Snakefile that includes this one.
import sys

from snakemake.utils import min_version

if workflow.current_basedir.get_path_or_uri(secret_free=True) != workflow.basedir:
    sys.path.remove(workflow.basedir)  # the study's link `probecore` may lead to another package than the one that runs

from probecore.params import STEPS
from probecore.running import wait_for_jobs
from workflow.common import Common, only
from workflow.progress import hides_jobs, say_only_this
from workflow.queue_watch import watch

min_version("9.27")

common = Common(main_process=workflow.is_main_process)


wildcard_constraints:
    experiment=r"[a-z][a-z0-9_-]*",
    universe=r"(/universes/[\w.-]+)?",
    network=r"(trained|twin|shuffled|reinitialised)-\d+|given",


include: "workflow/rules/dataset.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/measures.smk"
include: "workflow/rules/unwanted.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/report.smk"


common.agree_with_dvc()


rule all:
    default_target: True
    input:
        rules.report.output,


onstart:
    wait_for_jobs()
    if hides_jobs(workflow.output_settings.quiet):
        say_only_this(logger, len(workflow.dag))
        workflow.scheduler.print_progress = True  # else Snakemake does not tell when a job ends
    if workflow.executor_plugin.name == "slurm":
        watch(logger.warning)
    elif workflow.executor_plugin.name == "local":
        # Each job that ends would add a timer that looks for work every second, for as long as jobs wait.
        workflow.scheduler.job_rate_limiter = None


onerror:
    print("probecore: not finished; the same command goes on from here", file=sys.stderr)
