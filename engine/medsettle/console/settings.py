"""What Django is told that is the same for every console; `framework` adds what a place decides."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from medsettle import limits

_HERE: Final = Path(__file__).parent


def _of_plotly() -> list[tuple[str, Path]]:
    """Return where the charts are drawn from: the script that ships in the package of Plotly."""
    found = find_spec("plotly")
    assert found is not None
    assert found.origin is not None
    return [("plotly", Path(found.origin).parent / "package_data")]


DEBUG = False
USE_TZ = True
# China Standard Time, by a name that every database of time zones has.
TIME_ZONE = "Etc/GMT-8"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [_HERE / "locale"]
ROOT_URLCONF = "medsettle.console.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "console.Account"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # Only its templates, styles and translations: they ship with it, in light and dark.
    "django.contrib.admin",
    "medsettle.console",
]
MIDDLEWARE = [
    "medsettle.console.middleware.Secured",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "medsettle.console.middleware.Ended",
    "medsettle.console.middleware.Logged",
    "medsettle.console.middleware.Told",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before those of Django's own pages, some of which ours replace.
        "DIRS": [_HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "medsettle.console.navigation.around",
            ],
            "builtins": ["django.templatetags.i18n", "medsettle.console.templatetags.console"],
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
STATIC_URL = "/static/"
STATICFILES_DIRS = _of_plotly()
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3_600
DATA_UPLOAD_MAX_MEMORY_SIZE = limits.CONSOLE_UPLOAD_BYTES_MAX
X_FRAME_OPTIONS = "SAMEORIGIN"
SESSION_COOKIE_HTTPONLY = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = limits.CONSOLE_SESSION_SECONDS_MAX
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SAMESITE = "Strict"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"faults": {"()": "medsettle.console.fault_log.FaultFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "faults"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # What was refused stands in the log of who asked for what; here stand bugs.
    "loggers": {"django": {"handlers": [], "level": "ERROR", "propagate": True}},
}
CSRF_FAILURE_VIEW = "medsettle.console.pages.refusals.unsure"
