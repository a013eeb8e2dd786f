"""The ledger holds the truth; nothing else does.

`database.Ledger` opens it; the rooms beside it hold its transactions, each one function:
`broadcasts` (accept, decide, cancel), `batches` (claim, begin, end), `gates` (the shared breaker), `sessions`.
"""
