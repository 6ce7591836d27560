# SPDX-License-Identifier: MIT
"""Makes a C file that has the bytes of another: embed.py NAME INPUT OUTPUT."""
import pathlib
import sys

name, source, out = sys.argv[1:]
data = pathlib.Path(source).read_bytes()
lines = (", ".join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24))
pathlib.Path(out).write_text(
    f"#include <stddef.h>\n"
    f"extern const unsigned char {name}[];\nextern const size_t {name}_size;\n"
    f"const unsigned char {name}[] = {{\n" + ",\n".join(lines) + f"\n}};\nconst size_t {name}_size = sizeof {name};\n")
