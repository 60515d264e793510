"""The report of a study: one self-contained page, and the file of all headline numbers."""
