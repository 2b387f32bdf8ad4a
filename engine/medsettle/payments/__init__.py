"""Payments beside the bill: orders to the bank, their files, and the cash a till takes by card."""
