"""Several files in one field of a form, bounded together."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from medsettle import limits


class _ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFiles(forms.FileField):
    """A field of one or more files, none of them empty, together no larger than may be uploaded."""

    widget = _ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":  # noqa: ANN401
        """Return the files; each is checked as one of Django's is."""
        given = data if isinstance(data, list | tuple) else [data]
        files = [super(ManyFiles, self).clean(each, initial) for each in given or [None]]
        found = [file for file in files if file is not None]
        if sum(file.size or 0 for file in found) > limits.CONSOLE_UPLOAD_BYTES_MAX:
            most = limits.CONSOLE_UPLOAD_BYTES_MAX // 1024 // 1024
            text = _("The files are larger than %d MiB together; choose fewer.")
            raise forms.ValidationError(text % most)
        return found
