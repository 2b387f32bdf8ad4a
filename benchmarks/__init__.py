"""What the kernel is compared with, measured in one run on one machine."""
