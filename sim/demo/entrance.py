"""The page that every tab opens, and the polite one for a tab too many."""

from __future__ import annotations

from fastapi import Request
from nicegui import Client, ui

from sim.demo.files import head
from sim.demo.page import Page
from sim.demo.session import Classroom


def declare(classroom: Classroom) -> None:
    """Declare the page of this classroom."""

    @ui.page("/")
    async def open_tab(request: Request, client: Client) -> None:
        ui.add_head_html(head())
        page = Page(classroom, request.url.query)
        client.on_delete(page.leave)
        if classroom.has_room:  # compute while the browser still loads the page
            await page.start()
            if page.session is not None:
                page.session.connected = False
        await client.connected()

        async def enter() -> None:
            if not await page.start():
                client.content.clear()
                with client.content:
                    full(page)

        await page.back(enter)
        if page.turned_away:
            return
        client.on_disconnect(page.away)
        client.on_connect(lambda: page.back(enter))


def full(page: Page) -> None:
    """Say politely that there is no place."""
    words = page.words
    with ui.element("div").classes("classroom full"), ui.element("main").classes("card").props("role=alert"):
        with ui.element("h1"):
            ui.html(words("ui.full"), sanitize=False, tag="span")
        ui.label(words("ui.full.help", tabs=page.classroom.most_tabs))
        ui.button(words("ui.again"), on_click=ui.navigate.reload, color=None).props("no-caps unelevated").mark("again")
