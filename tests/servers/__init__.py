"""Real and mock servers on loopback for the tests, and a server that does nothing but fail.

Install them once with `python -m tests.servers.install`; running them needs no network and no account.
"""
