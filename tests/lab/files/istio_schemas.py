#!/usr/bin/env python3
"""Writes src/rehearsal/istio.json.gz: the schemas of Istio's custom resources, from the sources of its API.

    tests/lab/files/istio_schemas.py ~/go/pkg/mod/istio.io/api@v1.31.0

All versions of a kind have the same one.
"""
import gzip
import json
import pathlib
import sys

import yaml

root = pathlib.Path(__file__).resolve().parents[3]
source = pathlib.Path(sys.argv[1], "kubernetes/customresourcedefinitions.gen.yaml")
schemas = {}
for definition in filter(None, yaml.safe_load_all(source.read_text())):
    spec = definition["spec"]
    schemas[f"{spec['group']}/{spec['names']['kind']}"] = spec["versions"][0]["schema"]["openAPIV3Schema"]
text = json.dumps(schemas, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
# No time and no file name in it: the same sources give the same bytes.
(root / "src/rehearsal/istio.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(f"{len(schemas)} schemas, {len(text)} bytes")
