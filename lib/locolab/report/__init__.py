"""What was found and how it is shown: the ledger of claims, statistics, figures, and the notebooks' `Run`."""
