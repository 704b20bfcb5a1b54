"""``anchor keys``: who may use the API."""

from functools import partial
from typing import Annotated, Any

import typer

from anchor.cli.options import MAX_INDEX, Data, Json, Key, Url
from anchor.cli.output import Output, plain, shown_id, utc
from anchor.cli.server import connect

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(keys, name="keys", rich_help_panel="Operate")


@keys.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is: 'billing system'.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="write, read, admin; read unless given."),
    ] = None,
    customer: Annotated[str | None, typer.Option(metavar="ID", help="For this customer alone.")] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Make a key. It is shown once."""
    from anchor.client.readings import new_api_key

    output = Output(json_)
    body = {"name": name, "scopes": scope or None, "customerId": customer}
    with connect(url, key, data, output, doing="making the key") as server:
        answer = server.post("/api/v1/keys", new_api_key, body, once=True)
    if json_:
        output.json(answer)
        return
    output.pairs(
        ("key", f"[bold]{plain(answer['key'])}[/]  [dim](shown this once)[/]"),
        ("id", answer["id"]),
        ("scopes", plain(", ".join(answer["scopes"]))),
        ("for", shown_id(answer["customerId"]) if answer.get("customerId") else "all customers"),
    )


@keys.command("list")
def list_(url: Url = None, key: Key = None, data: Data = None, json_: Json = False) -> None:
    """List all keys, revoked ones too. The keys themselves are not kept."""
    from anchor.client.readings import API_KEY, page_of

    output = Output(json_)
    items: list[Any] = []
    cursor: str | None = None
    with connect(url, key, data, output, doing="listing the keys") as server:
        while True:
            reading = partial(page_of, item=API_KEY, cursor=cursor)
            page = server.get("/api/v1/keys", reading, cursor=cursor)
            items += page.items
            cursor = page.next
            if cursor is None:
                break
    if json_:
        output.json(items)
        return
    table = output.table("id", "name", "scopes", "customer", "made", "revoked", right=("id",))
    for one in items:
        revoked = one.get("revokedAt")
        table.add_row(
            str(one["id"]),
            plain(one["name"]),
            plain(", ".join(one["scopes"])),
            shown_id(one["customerId"]) if one.get("customerId") else "all",
            utc(one["createdAt"]),
            "" if revoked is None else utc(revoked),
        )
    output.console.print(table)


@keys.command("revoke")
def revoke(
    key_id: Annotated[int, typer.Argument(min=1, max=MAX_INDEX, metavar="ID")],
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Revoke a key for good. It stops working within a second."""
    from anchor.client.readings import api_key

    output = Output(json_)
    with connect(url, key, data, output, doing="revoking the key") as server:
        answer = server.delete(f"/api/v1/keys/{key_id}", api_key)
    if json_:
        output.json(answer)
    else:
        output.say(f"[green]✓[/] key {answer['id']} is revoked")
