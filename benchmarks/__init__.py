"""The budgets, measured: `python -m benchmarks [NAME ...]`. Figures depend on the machine; ratios less so."""
