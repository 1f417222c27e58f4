"""The table of all settings in docs/settings.md: ``python -m raphson_server.settings_page`` prints the page."""

from raphson_server.configuration import SETTINGS
from raphson_server.setting import ENVIRONMENT_PREFIX, Setting
from raphson_server.tokens import SCOPES

_HEAD = f"""# Settings of a server

Every setting has one name, and three places, each before the next:

1. a flag, `raphson serve --max-in-flight 100`;
2. the environment, `{ENVIRONMENT_PREFIX}MAX_IN_FLIGHT=100` (lists are separated by spaces);
3. a TOML file, `max_in_flight = 100`, named by `raphson serve --config raphson.toml` or `{ENVIRONMENT_PREFIX}CONFIG`.

`raphson serve --show-config` prints them all, as a file that may be given back, each with where its value came from.
An unknown name, a wrong type or a value out of range ends the start, with the place, the value and what was expected.
Limits, `max_…`, are told to callers by these names, with what was asked for, what is allowed, and how to raise it.

This page is generated from the settings themselves, by `make settings`.
"""
_TAIL = """
## Tokens

`tokens` names a TOML file of its own, an entry for each caller, which `raphson token create` writes; see
[security](security.md).

| scope | for |
| --- | --- |
"""


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    section = ""
    for declared in SETTINGS:
        if declared.section != section:
            section = declared.section
            parts.append(f"\n## {section}\n\n| setting | default | allowed | |\n| --- | --- | --- | --- |\n")
        allowed = declared.expectation
        parts.append(f"| `{declared.name}` | {_default(declared)} | {allowed} | {_escaped(declared)} |\n")
    parts.append(_TAIL)
    parts += [f"| `{scope}` | {what} |\n" for scope, what in SCOPES.items()]
    return "".join(parts)


def _default(declared: Setting) -> str:
    if declared.shown_default:
        return declared.shown_default
    if declared.default in ("", ()):
        return "none"
    if declared.kind is bool:
        return str(declared.default).lower()
    unit = {"BYTES": " bytes", "SECONDS": " s"}.get(declared.metavar, "")
    if declared.kind in (int, float):
        return f"{declared.default:,g}{unit}" if declared.kind is float else f"{declared.default:,}{unit}"
    return f"`{declared.default}`"


def _escaped(declared: Setting) -> str:
    return declared.about.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
