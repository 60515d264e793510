"""Claims of papers as declarations: what would hold, read from which table, and what the tables say of it.

``claims.yaml`` beside ``params.yaml`` declares them before a run (`params`), `effects` takes one number per seed from
the tables, `verdicts` judges them, and `run` is the job of the step. `probecore.declared` refuses what cannot be read
from a study, and `probecore.documents` puts verdicts into documents.
"""
