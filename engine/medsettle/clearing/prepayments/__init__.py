"""What is paid in advance, how much of it is used, and when it will be gone."""
