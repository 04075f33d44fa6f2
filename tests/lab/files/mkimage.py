"""mkimage.py OUT.tar "NAME:TAG .." FOLDER CONFIG -- packs a root file system as a docker-archive with one layer.

The same files give the same bytes: owners and times are dropped and names sorted.
"""
import hashlib, io, json, os, sys, tarfile

out, tags, root, config = sys.argv[1:5]


def plain(info):
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as layer:
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            layer.add(path, os.path.relpath(path, root), recursive=False, filter=plain)
layer = buffer.getvalue()
digest = hashlib.sha256(layer).hexdigest()
epoch = "1970-01-01T00:00:00Z"
config = json.dumps({
    "architecture": "amd64", "os": "linux", "created": epoch, "config": json.loads(config),
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]}, "history": [{"created": epoch}],
}, sort_keys=True).encode()
config_name = hashlib.sha256(config).hexdigest() + ".json"
manifest = json.dumps([{"Config": config_name, "RepoTags": tags.split(), "Layers": [digest + "/layer.tar"]}]).encode()
with tarfile.open(out, "w") as archive:
    for name, content in ((config_name, config), (digest + "/layer.tar", layer), ("manifest.json", manifest)):
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
