"""What a hospital declares, has deducted and is paid."""
