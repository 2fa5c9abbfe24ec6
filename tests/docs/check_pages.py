# SPDX-License-Identifier: Apache-2.0
"""What pages point to is there, and what they show of startup.conf is right.

Links lead to files and headings that exist. weftd --check finds no mistake in any TOML example; that this
machine lacks an example's device or core is no mistake of the page.

usage: check_pages.py REPOSITORY BUILD
"""
import pathlib
import re
import subprocess
import sys
import tempfile

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MISTAKE = re.compile(r"^startup\.conf:\d+:\d+: ", re.MULTILINE)


def anchors(text):
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in HEADING.findall(CODE.sub("", text))}


def broken_links(root, path, text):
    for link in LINK.findall(CODE.sub("", text)):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            yield f"{path.relative_to(root)}: links to {link}, which is not there"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"{path.relative_to(root)}: links to {link}, which has no such heading"


def bad_examples(root, path, text, build, scratch):
    for example in TOML.findall(text):
        # An example may show no plugin directory but the build's.
        example = re.sub(r"(?m)^directory\s*=.*$", f'directory = "{build / "plugins"}"', example)
        (scratch / "startup.conf").write_text(example)
        result = subprocess.run([build / "weftd", "--check", "startup.conf"], cwd=scratch, text=True,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        if result.returncode not in (0, 1) or MISTAKE.search(result.stderr):
            yield f"{path.relative_to(root)}: weftd does not accept this:\n{example}\n{result.stderr}"


def main(repository, build):
    root, build = pathlib.Path(repository).resolve(), pathlib.Path(build).resolve()
    errors, examples = [], 0
    with tempfile.TemporaryDirectory(prefix="weft-docs-") as scratch:
        # Whoever follows a page of the template has its plugin: tests/sdk does.
        pages = [path for path in sorted(root.rglob("*.md"))
                 if not {"build", "template"} & set(path.relative_to(root).parts)]
        for path in pages:
            text = path.read_text()
            examples += len(TOML.findall(text))
            errors += broken_links(root, path, text)
            errors += bad_examples(root, path, text, build, pathlib.Path(scratch))
    print("\n".join(errors) or f"{len(pages)} pages and {examples} examples are fine")
    return 1 if errors or not examples else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
