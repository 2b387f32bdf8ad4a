"""The console: pages for clearing staff, actuaries, auditors and hospitals, made on the server.

`place` is what it looks at, `framework` sets Django up, `urls` lists the pages, each in a module of
`pages` with a template of its own. It is a process of its own beside the server, so that no page
ever keeps a checkout waiting; it records nothing in the ledger.
"""
