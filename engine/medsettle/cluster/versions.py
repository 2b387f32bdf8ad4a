"""Whether an executor has the version of medsettle that asks; another would compute otherwise."""

from importlib.metadata import PackageNotFoundError, version


def made_by() -> str:
    """Return the version of medsettle that runs here, nothing where it was not installed."""
    try:
        return version("medsettle")
    except PackageNotFoundError:
        return ""


def check_version(driver: str) -> None:
    """Raise where this executor has another version than the driver.

    Args:
        driver: What `made_by` said where the job was made.

    Raises:
        RuntimeError: It has.
    """
    own = made_by()
    if own != driver:
        raise RuntimeError(
            f"medsettle {own or 'of no version'} is installed on this executor and "
            f"{driver or 'one of no version'} asks; install that on all of them"
        )
