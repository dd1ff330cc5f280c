"""``coatcheck explain CC030``: what a code on an error page means."""

import difflib

import click


@click.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Say what a CODE on an error page means.

    And what mends it; without one, list them all.
    """
    from coatcheck.web.codes import CODES
    from coatcheck.web.problems import phrase

    if code is None:
        for name, one in CODES.items():
            click.echo(f"{name}  {one.title}")
        return
    wanted = f"CC{code.upper().removeprefix('CC').zfill(3)}"
    found = CODES.get(wanted)
    if found:
        click.echo(f"{wanted}  {found.title}\n\n{found.why}\n\nTo mend it: {found.mend}")
    elif wanted[2:].isdigit() and int(wanted[2:]) >= 400 and phrase(int(wanted[2:])) != "Error":
        click.echo(
            f"{wanted}  {phrase(int(wanted[2:]))}\n\nThe site's own code ended the request with "
            "this status, and the page says where."
        )
    else:
        near = difflib.get_close_matches(wanted, CODES, n=1)
        hint = f"Did you mean {near[0]}?" if near else "coatcheck explain lists them."
        raise click.ClickException(f"There is no code {code}. {hint}")
