"""`kracked-tui`: reads the command line, and loads the monitor only to run it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from kracked_tui.options import Options, parsed

FAILED, MISUSED = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program. Returns the exit status: 0 done, 1 failed, 2 misused."""
    arguments = sys.argv[1:] if arguments is None else arguments
    lists_keys = list(arguments) == ["keys"]
    options = Options() if lists_keys else parsed(arguments)
    draws_here = not (lists_keys or options.web or options.snapshot is not None)
    if draws_here and not _has_terminal():
        print(  # noqa: T201
            "kracked-tui needs a terminal; without one, save a picture with --snapshot FILE",
            file=sys.stderr,
        )
        return MISUSED
    from kracked.cli.output import safe_print  # noqa: PLC0415
    from kracked.errors import ConfigError, KrackedError  # noqa: PLC0415

    try:
        return _list_keys() if lists_keys else _run(arguments, options)
    except ConfigError as error:
        safe_print(f"kracked-tui: {error}", file=sys.stderr, lines=True)
        return MISUSED
    except (KrackedError, OSError) as error:
        safe_print(f"kracked-tui: {error}", file=sys.stderr, lines=True)
        return FAILED
    except KeyboardInterrupt:
        return 0


def _list_keys() -> int:
    from kracked_tui import config, keys  # noqa: PLC0415

    print(keys.listing(config.settings(Options()).keys))  # noqa: T201
    return 0


def _run(arguments: Sequence[str], options: Options) -> int:
    """Run the monitor here, or serve it to a browser."""
    from kracked.state_files import state_folder  # noqa: PLC0415
    from kracked_tui import config, remembered  # noqa: PLC0415

    memory = remembered.Memory()
    # A picture shows what it is told to, and changes nothing; a visit has a memory of its own.
    if options.snapshot is None and not options.web:
        memory = remembered.recalled(state_folder() / remembered.FILE_NAME, fresh=options.fresh)
    settings = config.settings(options, theme=memory.choices.theme)
    if options.web:
        from kracked_tui import web  # noqa: PLC0415

        return web.serve(web.command(arguments, demo=options.demo), options.port)
    from kracked_tui.launch import run  # noqa: PLC0415

    return run(options, settings, memory)


def _has_terminal() -> bool:
    """Whether Textual can read keys from standard input and draw on standard error.

    In a browser, which sets `TEXTUAL_DRIVER`, it uses neither.
    """
    return "TEXTUAL_DRIVER" in os.environ or (os.isatty(0) and os.isatty(2))


if __name__ == "__main__":
    sys.exit(main())
