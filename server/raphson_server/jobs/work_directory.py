"""Where a job keeps its parts until all of them are there: beside the output, in ``<output>.raphson-job/<id>/``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.files import LocalFiles, find_files, write_whole, writing_to

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import IO

    from raphson_server.jobs.description import JobDescription
    from raphson_server.jobs.record import JobRecord

SUFFIX = ".raphson-job"
"""Behind the output's name: the folder of all jobs that write it."""

_PART = ".part"
_INPUT = "input.json"
_WHOLE = "whole"
_PUBLISHING = "publishing"


class WorkDirectory:
    """The parts of one job, and the output that they become.

    Parameters
    ----------
    record : JobRecord

    Raises
    ------
    JobError
        Where no file system goes by the output's URL.
    """

    def __init__(self, record: JobRecord) -> None:
        self._url = record.description.output_url
        self._overwrite = record.description.overwrite
        self.files, self._output = find_files(self._url)
        self._folder = self._output + SUFFIX
        self._own = f"{self._folder}/{record.id}"

    def make(self) -> None:
        """Make the folder; raises `JobError` OUTPUT_UNWRITABLE."""
        with writing_to(self._url):
            self.files.make_folder(self._folder)
            self.files.make_folder(self._own)

    def check_input(self, facts: dict[str, Any], url: str) -> None:
        """Remember what the input is, or compare it with what it was when the job began.

        Raises
        ------
        JobError
            INPUT_CHANGED, with what changed.
        """
        path = f"{self._own}/{_INPUT}"
        if not self.files.exists(path):
            with writing_to(path):
                write_whole(self.files, path, json.dumps(facts, sort_keys=True).encode())
            return
        with self.files.open(path) as file:
            before = json.loads(file.read())
        changed = sorted(name for name in {*before, *facts} if before.get(name) != facts.get(name))
        if changed:
            what = ", ".join(f"{name} {before.get(name)} is now {facts.get(name)}" for name in changed)
            message = (
                f"{url} has changed since the job began ({what}), and the rows that are done may be of another table; "
                f"put it back, or begin anew: remove {self._folder}"
            )
            raise JobError(JobErrorCode.INPUT_CHANGED, message)

    def numbers(self) -> set[int]:
        """Return the numbers of the parts that are there, whole."""
        return {int(name.removesuffix(_PART)) for name in self.files.names(self._own) if name.endswith(_PART)}

    def write_part(self, number: int, data: bytes) -> None:
        """Write a part; afterwards it is on the disk. Raises `JobError` DISK_FULL or OUTPUT_UNWRITABLE."""
        path = self.part(number)
        with writing_to(path):
            write_whole(self.files, path, data)

    def part(self, number: int) -> str:
        """Return the path of a part."""
        return f"{self._own}/{number:08d}{_PART}"

    def whole(self) -> AbstractContextManager[IO[bytes]]:
        """Write the output, under a name that nobody looks for."""
        path = f"{self._own}/{_WHOLE}"
        # Another name of the same file is not to be written through.
        self.files.remove(path)
        made: AbstractContextManager[IO[bytes]] = self.files.creating(path)
        return made

    def has_published(self) -> bool:
        """Return whether the output is there because this very job put it there, and was killed before it said so."""
        if not (self.files.exists(f"{self._own}/{_PUBLISHING}") and self.files.exists(self._output)):
            return False
        whole = f"{self._own}/{_WHOLE}"
        return not self.files.exists(whole) or self.files.is_same(whole, self._output)

    def publish(self) -> None:
        """Give the output its name, in one step.

        Raises
        ------
        JobError
            OUTPUT_EXISTS if somebody else took the name meanwhile, and the job was not told to replace it.
        """
        with writing_to(self._url):
            write_whole(self.files, f"{self._own}/{_PUBLISHING}", b"")
            try:
                (self.files.replace if self._overwrite else self.files.publish)(f"{self._own}/{_WHOLE}", self._output)
            except FileExistsError:
                raise _exists(self._url) from None

    def remove(self) -> None:
        """Remove what the job left, and the folder, if no other job is in it."""
        with writing_to(self._folder):
            self.files.remove(self._own)
            if self.files.is_folder(self._folder) and not self.files.names(self._folder):
                self.files.remove(self._folder)


def check_output(description: JobDescription) -> None:
    """Find out whether the output can be written, before any work.

    Raises
    ------
    JobError
        OUTPUT_EXISTS or OUTPUT_UNWRITABLE.
    """
    url = description.output_url
    files, path = find_files(url)
    if files.is_folder(path):
        raise JobError(JobErrorCode.OUTPUT_UNWRITABLE, f"{url} is a folder; expected the name of a file")
    if files.is_same(path, find_files(description.input_url)[1]) or url == description.input_url:
        raise JobError(JobErrorCode.OUTPUT_UNWRITABLE, f"{url} is the input; expected another name")
    if not description.overwrite and files.exists(path):
        raise _exists(url)
    if isinstance(files, LocalFiles):
        folder = str(Path(path).parent)
        if not files.is_folder(folder):
            raise JobError(JobErrorCode.OUTPUT_UNWRITABLE, f"{url} cannot be written: there is no folder {folder}")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise JobError(JobErrorCode.OUTPUT_UNWRITABLE, f"{url} cannot be written: {folder} is not writable")


def folder_of(output_url: str) -> str:
    """Return the folder of all jobs that write an output."""
    return output_url + SUFFIX


def remove_work(record: JobRecord) -> None:
    """Remove what a job left beside its output; raises `JobError` where that fails."""
    WorkDirectory(record).remove()


def _exists(url: str) -> JobError:
    return JobError(JobErrorCode.OUTPUT_EXISTS, f"{url} is there already; expected a new name, or to overwrite it")
