"""Parts of pages that are asked for after the page stands, because they take a while."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def finished(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """Return a part that is not asked for again: all of it is there."""
    response = render(request, template, context)
    response.headers["X-Done"] = "yes"
    return response
