"""What every peer can do: say whether it is installed, write its configuration, start, check it and change it."""
from __future__ import annotations

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Callable, Dict, List, Optional

from setup import Setup, Site


class Peer(ABC):
    """A proxy that takes part. A subclass is one file."""

    name: str = ""
    program: str = ""
    """Name of the executable."""
    most_hosts: Optional[int] = None
    """More hosts than this are not asked of it, because it takes minutes."""

    def binary(self) -> Optional[str]:
        """Path of the executable; none if it is not installed."""
        return shutil.which(self.program)

    def refuses(self, setup: Setup) -> Optional[str]:
        """Why it does not take part with this setup; none if it does."""
        if self.most_hosts is not None and setup.hosts > self.most_hosts:
            return f"not run with more than {self.most_hosts} hosts: its cost grows with their number"
        return None

    @abstractmethod
    def version(self) -> str:
        """Its version in one line."""

    @abstractmethod
    def files(self, site: Site, setup: Setup) -> Dict[str, str]:
        """Its configuration: content by the file's name in the site's folder."""

    @abstractmethod
    def command(self, site: Site, setup: Setup) -> List[str]:
        """How it is started, in the foreground."""

    def environment(self, site: Site, setup: Setup) -> Dict[str, str]:
        """What is added to the environment."""
        return {}

    def check_command(self, site: Site, setup: Setup) -> Optional[List[str]]:
        """How it checks its configuration without running; none if it cannot."""
        return None

    def write(self, site: Site, setup: Setup) -> None:
        """Writes the configuration."""
        for name, content in self.files(site, setup).items():
            path = site.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def change(self, site: Site, setup: Setup, pid: int) -> Callable[[], None]:
        """Prepares another setup, and returns what makes it known to the running proxy.

        Only files whose content differs are replaced, each by a rename.
        """
        staged = site.folder / "staged"
        staged.mkdir(exist_ok=True)
        moves = []
        for name, content in self.files(site, setup).items():
            path = site.folder / name
            if path.read_text() != content:
                new = staged / Path(name).name
                new.write_text(content)
                moves.append((new, path))

        def trigger() -> None:
            for new, path in moves:
                os.replace(new, path)
            self.tell(site, pid)

        return trigger

    def tell(self, site: Site, pid: int) -> None:
        """Says that the files have changed, to who does not see it by itself."""


def first_line(command: List[str]) -> str:
    """The first line with text that a command prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return next((line.strip() for line in done.stdout.splitlines() if line.strip()), "unknown")
