"""The conformance kit: scenarios of the national interface as data, run against any endpoint.

It is a client and knows nothing of the gateway: what it asks and expects stands in the scenario
files, so that other implementers can use both.
"""
