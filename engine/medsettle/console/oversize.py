"""An upload that is too large: refused before it is read, by a page of the console.

The server refuses by what is said of the size, or by what came of it; no view is asked then. The
page is asked for in its place, so that it is in the language of whoever sent the upload.
"""

from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import RequestEntityTooLarge

PATH: Final = "/too-large"
"""Where the page is; it says the same to whoever asks for it."""


class _Refused(ErrorTask):
    def execute(self) -> None:
        """Answer with the page; with what the server says itself where something else is wrong."""
        # The stubs of waitress say less than there is.
        request: Any = self.request
        if not isinstance(request.error, RequestEntityTooLarge):
            super().execute()
            return
        environ = WSGITask(self.channel, request).get_environment()
        environ |= {"REQUEST_METHOD": "GET", "PATH_INFO": PATH, "QUERY_STRING": ""}
        environ |= {"CONTENT_LENGTH": "0", "CONTENT_TYPE": ""}

        def begun(status: str, headers: list[tuple[str, str]], *_: object) -> Any:  # noqa: ANN401
            self.status = status
            self.response_headers = [each for each in headers if each[0] != "Content-Length"]

        body = b"".join(self.channel.server.application(environ, begun))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):
    """A connection on which too large an upload is refused in words."""

    error_task_class = _Refused
