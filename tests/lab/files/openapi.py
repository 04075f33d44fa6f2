#!/usr/bin/env python3
"""Writes src/rehearsal/schemas.json.gz: the schemas of the built-in kinds, from the sources of Kubernetes.

    tests/lab/files/openapi.py ~/go/pkg/mod/k8s.io/kubernetes@v1.34.4

Those of the stable versions that a rehearsed API server serves.
"""
import gzip
import json
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parents[3]
documents = pathlib.Path(sys.argv[1], "api/openapi-spec/v3")
schemas = {}
for path in sorted(documents.glob("*_openapi.json")):
    if "__resource." in path.name:
        continue
    if path.name.startswith("api__v1_") or path.name.endswith(("__v1_openapi.json", "__v2_openapi.json")):
        schemas.update(json.loads(path.read_text()).get("components", {}).get("schemas", {}))
text = json.dumps(schemas, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
# No time and no file name in it: the same sources give the same bytes.
(root / "src/rehearsal/schemas.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(f"{len(schemas)} schemas, {len(text)} bytes")
