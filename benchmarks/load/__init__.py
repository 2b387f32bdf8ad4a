"""A load generator for any medsettle server, and the servers it is measured beside.

`python -m benchmarks.load ADDRESS` drives a server; `python -m benchmarks.load.echo_server` is a
server that settles nothing on the same transport.
"""
