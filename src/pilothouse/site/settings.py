"""The Django settings. Every value that a host may set is read here, by name, and listed in env.sample."""

from pathlib import Path
from urllib.parse import urlsplit

from pilothouse.kernel.base.limits import REQUEST_BODY_MAX_BYTES

from . import env, mail
from .database import databases
from .programs import program_apps
from .secret import secret_key

# --- what a host sets -------------------------------------------------------------------------------------------
DATA = Path(env.text("DATA", ".data")).absolute()
PRODUCT_NAME = env.text("PRODUCT_NAME", "Sora2")
SITE_URL = env.text("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
LIVE_URL = env.text("LIVE_URL", "http://127.0.0.1:8001").rstrip("/")
# demo: loaded worlds and local webhooks allowed. production: neither.
HOUSE_KIND = env.text("HOUSE_KIND", "production")
if HOUSE_KIND not in ("production", "demo", "test", "rehearsal"):
    raise env.BadSetting("HOUSE_KIND", HOUSE_KIND, "production, demo, test or rehearsal")
WEBHOOK_ALLOW_LOCAL = env.boolean("WEBHOOK_ALLOW_LOCAL", False)
STORAGE_URL = env.text("STORAGE_URL")
SEAL_HEAD_FOLDER = env.text("SEAL_HEAD_FOLDER")
# Where the worker writes a backup and proves it, before the last one is a day old; empty: it writes none.
BACKUP_FOLDER = env.text("BACKUP_FOLDER")
ALERT_URLS = env.words("ALERT_URLS")
# Shows metrics that name providers to whoever presents it at /metrics.
METRICS_TOKEN = env.text("METRICS_TOKEN")
# Cards: both keys or none. The address is another one only where the processor is played by a test.
STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRET = env.text("STRIPE_WEBHOOK_SECRET")
STRIPE_API_BASE = env.text("STRIPE_API_BASE", "https://api.stripe.com").rstrip("/")
DEBUG = env.boolean("DEBUG", False)
LOG_SQL = env.boolean("LOG_SQL", False)
SECRET_KEY = secret_key(DATA)
# What older keys sealed can still be opened while they stand here.
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ENTERPRISE_DOCS_URL = env.text("ENTERPRISE_DOCS_URL", "https://sora2aivideos.com/docs/enterprise")
ENTERPRISE_EXAMPLES_URL = env.text("ENTERPRISE_EXAMPLES_URL", "https://github.com/sora2aivideos/examples")
# What a credit is worth, for the money value of a pilot's grant (100 credits are 10 US dollars).
CREDIT_PRICE_CENTS = env.integer("CREDIT_PRICE_CENTS", 10, 1, 100_000)
VIDEO_CONCURRENCY = env.integer("VIDEO_CONCURRENCY", 64, 1, 10_000)
# How long an item of a dead worker waits before another takes it over; renewed three times in it by a live one.
CLAIM_LEASE_S = env.integer("CLAIM_LEASE_S", 30, 2, 600)
# A customer's images are removed this long after they were uploaded or last named in a batch.
INPUT_KEPT_DAYS = env.integer("INPUT_KEPT_DAYS", 30, 1, 3_650)
BATCH_ITEMS_MAX_COUNT = env.integer("BATCH_ITEMS_MAX_COUNT", 10_000, 1, 10_000)

# --- Django -----------------------------------------------------------------------------------------------------
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "*" if HOUSE_KIND in ("demo", "test") else "localhost,127.0.0.1")
ALLOWED_HOSTS += [urlsplit(SITE_URL).hostname or "localhost"]
CSRF_TRUSTED_ORIGINS = [SITE_URL]
ROOT_URLCONF = "pilothouse.site.live_urls" if env.text("PROCESS_NAME") == "live" else "pilothouse.site.urls"
CSRF_FAILURE_VIEW = "pilothouse.site.errors.csrf"
APPEND_SLASH = False
WSGI_APPLICATION = "pilothouse.site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = databases(DATA, SECRET_KEY)
DATABASE_ROUTERS = ["pilothouse.kernel.base.scope.ScopeRouter"]
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("mn", "Монгол")]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
# The rooms' own words; a program brings its own catalogue (`scripts/messages.py` keeps them all).
LOCALE_PATHS = [Path(__file__).parents[1] / "locale"]
# How dates and numbers are written in each language.
FORMAT_MODULE_PATH = ["pilothouse.locale"]
DATA_UPLOAD_MAX_MEMORY_SIZE = REQUEST_BODY_MAX_BYTES

INSTALLED_APPS = [
    "pilothouse.site.apps.SiteConfig",
    "pilothouse.ui",
    "pilothouse.pilots.apps.PilotsConfig",
    *program_apps(),
    *[
        f"pilothouse.kernel.{room}.apps.{room.capitalize()}Config"
        for room in ("watch", "payments", "outbox", "terms", "files", "access", "work", "ledger", "lifecycle", "base")
    ],
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "pilothouse.site.middleware.RequestIdMiddleware",
    "pilothouse.site.middleware.RequestWallMiddleware",
    "pilothouse.kernel.access.middleware.ApiUsageMiddleware",
    "pilothouse.kernel.watch.middleware.ErrorLogMiddleware",
    "csp.middleware.CSPMiddleware",
    "pilothouse.site.outgoing.DenyListMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "pilothouse.kernel.access.middleware.MembershipMiddleware",
    "pilothouse.kernel.access.language.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "pilothouse.kernel.access.session_activity.SessionActivityMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "pilothouse.site.errors.PageErrors",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["pilothouse.ui.templatetags.posted_form"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "pilothouse.ui.context.chrome",
                "pilothouse.site.context.page",
                "pilothouse.kernel.access.context.account",
            ],
        },
    }
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "sesame.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- sign-in ----------------------------------------------------------------------------------------------------
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 900
ACCOUNT_PREVENT_ENUMERATION = True
# Failed sign-ins for one address are bounded; each network address has its own, narrower bound. A browser from which
# the person has signed in before is counted apart (known_devices.py), so that guessing locks nobody out there.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,60/10m/key"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
# Credits come only through a pilot (requirement C16) and people only by invitation, so nobody signs up alone.
ACCOUNT_ADAPTER = "pilothouse.kernel.access.adapter.InvitationOnlyAdapter"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/account/login/"
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if env.boolean("BEHIND_PROXY") else 0
# What protects an account is changed only by someone who has just proven who they are.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "pilothouse.kernel.access.adapter.SealedMFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = HOUSE_KIND != "production"
USERSESSIONS_TRACK_ACTIVITY = True
SESAME_MAX_AGE = 900
SESAME_ONE_TIME = True
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.boolean("BEHIND_PROXY") else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- mail, files, static -----------------------------------------------------------------------------------------
MAIL = mail.from_url(env.text("EMAIL_URL"))
EMAIL_BACKEND, ANYMAIL = MAIL.backend, MAIL.anymail
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.host, MAIL.port, MAIL.user, MAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL, EMAIL_TIMEOUT = MAIL.starttls, MAIL.tls, mail.SEND_TIMEOUT_S
EMAIL_FILE_PATH = DATA / "mails"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"{PRODUCT_NAME} <no-reply@localhost>")
STATIC_URL = "/static/"
# Static files are served from the packages themselves; there is no collectstatic step to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# --- Content-Security-Policy ---------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'", LIVE_URL],
        "media-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
LOGGING_CONFIG = "pilothouse.site.logs.configure"
LOGGING = {
    "level": env.text("LOG_LEVEL", "INFO"),
    "folder": str(DATA / "logs"),
    "process": env.text("PROCESS_NAME", "cli"),
    "sql": LOG_SQL,
}
