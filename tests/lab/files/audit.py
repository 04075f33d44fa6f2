"""audit.py [-v] CLUSTER FROM LOG [CLUSTER FROM LOG].. -- counts API requests by cluster and user agent; FROM is a byte offset."""
import collections, json, signal, sys

signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the reader may be `head`
args = sys.argv[1:]
verbose = args[:1] == ["-v"]
if verbose:
    args = args[1:]
SIDES = {"kube-": "lab", "kubelet": "lab", "CoreDNS": "lab", "lbd": "lab", "(none)": "lab", "pilot-": "mesh"}
for cluster, start, log in zip(args[0::3], args[1::3], args[2::3]):
    seen, count = set(), collections.Counter()
    with open(log, "rb") as lines:
        lines.seek(int(start))
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # the last line may be half written
            if event["auditID"] in seen:
                continue  # a watch has a line for its start and one for its end
            seen.add(event["auditID"])
            agent = event.get("userAgent", "").split("/")[0] or "(none)"
            side = next((s for start, s in SIDES.items() if agent.startswith(start)), "user")
            ref = event.get("objectRef", {})
            verb = "dry-run" if "dryRun=All" in event["requestURI"] else event["verb"]
            what = (verb, ref.get("resource") or event["requestURI"].split("?")[0]) if verbose else ()
            count[(side, agent) + what] += 1
    for key, n in sorted(count.items(), key=lambda kv: (kv[0][0] != "user", -kv[1])):
        print(cluster, *key, n, sep="\t")
