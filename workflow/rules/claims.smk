# Verdicts on what the study's claims.yaml declares; a study without one has no such job. Snakemake leaves the earlier
# verdicts in place while it judges (`update`), and brings them back if that fails: declarations are held to them.


rule claims:
    input:
        code=common.code_of("probecore.claims.run"),
        tables=common.tables_of_claims(),
    output:
        report(update("results/claims/claims.csv"), category="Claims", labels={"table": "Claims and verdicts"}),
    log:
        "logs/claims.log",
    localrule: True
    params:
        declared=common.declared,
        fans=common.fans,
    message:
        "Judging the claims"
    shell:
        "probecore claims --judge > {log} 2>&1"
