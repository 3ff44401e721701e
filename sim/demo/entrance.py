"""The page that every tab opens. Only a browser that opens its socket may compute: a plain request leaves nothing."""

from __future__ import annotations

from fastapi import Request
from nicegui import Client, ui

from sim.demo.files import head
from sim.demo.page import Page
from sim.demo.session import Classroom


def declare(classroom: Classroom) -> None:
    """Declare the page of this classroom."""

    @ui.page("/")
    def open_tab(request: Request, client: Client) -> None:
        ui.add_head_html(head())
        page = Page(classroom, request.url.query)
        client.on_connect(page.back)
        client.on_disconnect(page.away)
        client.on_delete(page.leave)
