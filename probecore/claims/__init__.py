"""Claims of papers as declarations: what would hold, read from which table, and what the tables say of it.

``claims.yaml`` beside ``params.yaml`` declares them before a run (`params`), `check` refuses what cannot be read,
`effects` takes one number per seed from the tables, `verdicts` judges them, `run` writes ``results/claims.csv`` and
`write` puts it into documents. No step of the workflow imports this package.
"""
