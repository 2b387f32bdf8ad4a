"""The card: its states and what moves them, lapses, invalid lists, and what a claim may use it for.

Pure: records and tables in, answers out. No store, no clock, no files; those who call hand over
events, moments and the bytes of lists.
"""
