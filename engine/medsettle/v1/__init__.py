"""Messages and services of `medsettle.v1`, generated from `protos/`."""
