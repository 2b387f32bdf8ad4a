"""The anchor policy: one realistic inpatient settlement, written for every tool compared."""
