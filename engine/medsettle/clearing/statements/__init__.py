"""Statements as workbook, CSV and Parquet, signed and verified."""
