"""Every setting of `medsettle serve`: a line here is an option, a variable, a key and a row.

`config show`, `config check`, `engine/configuration.md` and the options of `serve` are made of it.
"""

from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.configuration.setting import Kind, Setting, There

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "rules",
        Kind.PATH,
        "Folder of the rule documents.",
        Path("rules"),
        reloadable=True,
        there=There.FOLDER,
    ),
    Setting("data", Kind.PATH, "Folder of ledger and audit tables.", Path("medsettle-data")),
    Setting(
        "ledger",
        Kind.TEXT,
        "A ledger in PostgreSQL, as postgresql://USER@HOST/DATABASE, or another file; without it "
        "the one in the data folder.",
    ),
    Setting("listen", Kind.ADDRESS, "Host and port; port 0 chooses.", "127.0.0.1:50051"),
    Setting(
        "lists",
        Kind.PATH,
        "Folder of invalid lists of cards, with the keys of their keepers.",
        needs=("list_keys",),
        there=There.FOLDER,
    ),
    Setting(
        "list_keys",
        Kind.PATH,
        "Folder of the public keys of their keepers.",
        needs=("lists",),
        there=There.FOLDER,
    ),
    Setting(
        "gateway",
        Kind.ADDRESS,
        "Host and port of the national interface, which needs a directory.",
        needs=("directory",),
    ),
    Setting(
        "directory",
        Kind.PATH,
        "Folder of institutions.csv, persons.csv and the other files of the directory.",
        needs=("gateway",),
        there=There.FOLDER,
    ),
    Setting(
        "tokens",
        Kind.PATH,
        "JSON file of clients, their tokens and institutions; requests must be signed.",
        needs=("gateway",),
        there=There.FILE,
    ),
    Setting(
        "no_sign_in",
        Kind.BOOLEAN,
        "Take requests of operators who have not signed in.",
        default=False,
        needs=("gateway",),
    ),
    Setting(
        "peers",
        Kind.PATH,
        "TOML file of the engines of other areas; see `medsettle peers check`.",
        there=There.FILE,
    ),
    Setting(
        "metrics", Kind.ADDRESS, "Host and port of the measurements, at /metrics, for Prometheus."
    ),
    Setting(
        "console",
        Kind.ADDRESS,
        "Host and port of the console, which then runs beside this server.",
    ),
    Setting(
        "host",
        Kind.TEXTS,
        "Another name by which browsers may ask the console; may be given several times.",
        (),
        needs=("console",),
    ),
    Setting(
        "behind",
        Kind.TEXTS,
        "Name, and port where it is not 443, at which a proxy speaks HTTPS before the console: "
        "browsers then keep to HTTPS. May be given several times.",
        (),
        needs=("console",),
    ),
    Setting(
        "proxy",
        Kind.TEXT,
        "Address of that proxy, which is believed who asks and how.",
        "127.0.0.1",
    ),
    Setting(
        "tls_certificate",
        Kind.PATH,
        "Certificate of this server as PEM, with its chain; a changed file is read on SIGHUP.",
        needs=("tls_key",),
        there=There.FILE,
    ),
    Setting(
        "tls_key",
        Kind.PATH,
        "Private key of that certificate as PEM.",
        needs=("tls_certificate",),
        there=There.FILE,
    ),
    Setting(
        "tls_authority",
        Kind.PATH,
        "Authority whose certificates callers have to show, as PEM.",
        needs=("tls_certificate",),
        there=There.FILE,
    ),
    Setting(
        "revoked",
        Kind.PATH,
        "Serial numbers of certificates that count no more, in hex, one a line.",
        needs=("tls_authority",),
        there=There.FILE,
    ),
    Setting(
        "access_tokens",
        Kind.PATH,
        "File of `medsettle access token`: who has one of them is let in.",
        there=There.FILE,
    ),
    Setting(
        "token_listen",
        Kind.ADDRESS,
        "Another host and port, for those who come with a token and without a certificate.",
        needs=("access_tokens", "tls_authority"),
    ),
    Setting(
        "insecure",
        Kind.BOOLEAN,
        "Let everybody in at an address that other machines reach, unencrypted.",
        default=False,
    ),
    Setting(
        "seal_key",
        Kind.PATH,
        "Private key that signs a checkpoint of the audit tables for each day; see `medsettle "
        "audit key`.",
        needs=("seal_origin",),
        there=There.FILE,
    ),
    Setting(
        "seal_origin",
        Kind.TEXT,
        "What the log of the audit tables is called in checkpoints.",
        needs=("seal_key",),
    ),
    Setting(
        "pseudonym_keys",
        Kind.PATH,
        "Folder of the keys by which audit tables tell persons and cards; without it `keys` in the "
        "data folder.",
    ),
    Setting(
        "log",
        Kind.OUTPUT,
        "Where the log goes: a file that is added to, or - for standard error.",
        "-",
    ),
    Setting(
        "log_level",
        Kind.TEXT,
        "The least that is logged: debug, info, warning or error.",
        "info",
    ),
    Setting(
        "slow",
        Kind.INTEGER,
        "Log calls that take so many milliseconds, with the phase that was slow; 0 logs none.",
        0,
        most=limits.SLOW_MS_MAX,
    ),
    Setting(
        "traces",
        Kind.TEXT,
        "Export traces by OTLP over gRPC, such as to http://127.0.0.1:4317.",
    ),
    Setting(
        "traces_percent",
        Kind.INTEGER,
        "How many of a hundred traces that begin here are kept.",
        100,
        most=limits.TRACES_PERCENT_MAX,
    ),
    Setting(
        "takeover_seconds",
        Kind.INTEGER,
        "How long to wait for the server before this one to give up a ledger in a file; 0 does not "
        "wait.",
        0,
        most=limits.TAKEOVER_SECONDS_MAX,
    ),
    Setting(
        "drain_seconds",
        Kind.INTEGER,
        "How long to answer on after SIGTERM while health already says that this server goes; a "
        "second signal ends it at once.",
        0,
        most=limits.DRAIN_SECONDS_MAX,
        reloadable=True,
    ),
)
BY_NAME: Final = {each.name: each for each in SETTINGS}

OTHER_VARIABLES: Final = frozenset(
    {"MEDSETTLE_CONFIG", "MEDSETTLE_CACHE", "MEDSETTLE_OPERATOR", "MEDSETTLE_TOKEN"}
)
"""Variables that state something else than a setting, and are none written wrong."""
