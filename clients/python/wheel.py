"""Makes the wheel that brings the program along: `python3 wheel.py PROGRAM [FOLDER]`.

A wheel is an archive with a list of what is in it (PEP 427), so nothing is needed but what Python has. It is tagged for
the platform of the Python that runs this, which must be the one that the program was built for.
"""

import base64
import hashlib
import re
import sys
import sysconfig
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
NAME = "interregnum"


def made(program: Path, folder: Path) -> Path:
    """Makes it, and says where it is."""
    project = (HERE / "pyproject.toml").read_text()
    field = lambda name: re.search(rf'^{name} = "(.*)"$', project, re.M).group(1)
    version = field("version")
    tag = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
    info = f"{NAME}-{version}.dist-info"
    suffix = ".exe" if program.suffix == ".exe" else ""
    files = {f"{NAME}/{path.name}": (path.read_bytes(), 0o644) for path in sorted((HERE / NAME).glob("*.py*"))
             if path.is_file()}
    files[f"{NAME}/py.typed"] = (b"", 0o644)
    files[f"{NAME}/bin/{NAME}{suffix}"] = (program.read_bytes(), 0o755)
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\nSummary: {field('description')}\n"
        f"Requires-Python: {field('requires-python')}\nLicense: MIT OR Apache-2.0\n"
        f"Description-Content-Type: text/markdown\n\n{(HERE / 'README.md').read_text()}".encode(), 0o644)
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(), 0o644)
    record = []
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{NAME}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        def put(name: str, content: bytes, mode: int) -> None:
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)

        for name, (content, mode) in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(content)}")
            put(name, content, mode)
        record.append(f"{info}/RECORD,,")
        put(f"{info}/RECORD", ("\n".join(record) + "\n").encode(), 0o644)
    return wheel


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    print(made(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else "dist")))
