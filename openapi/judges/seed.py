"""Makes objects for a run of schemathesis, and prints its configuration: which operation gets the ids of which of them.

What an operation ends or deletes is an object of its own, so that the others still find theirs.
"""

import json
import os
import pathlib
import urllib.request

BASE, TOKEN = os.environ["CERTMILL_URL"], os.environ["CERTMILL_TOKEN"]


def call(method: str, path: str, body: object = None) -> dict:
    request = urllib.request.Request(
        BASE + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def make_ca(name: str, **more: object) -> str:
    wish = {"name": name, "common_name": name, "ca_type": "root", "key_type": "ec", **more}
    return call("POST", "/v1/pki/ca", wish)["id"]


def make_role(name: str, ca: str) -> str:
    wish = {"name": name, "ca_id": ca, "allow_any_name": True, "key_type": "ec", "store_private_keys": True}
    return call("POST", "/v1/pki/roles", wish)["name"]


def make_csr(name: str) -> str:
    return call("POST", "/v1/pki/csr", {"subject": {"common_name": name}, "san_dns": [name], "key_type": "ec"})["id"]


root = make_ca("Root")
ca = make_ca("Issuing", ca_type="intermediate", parent_ca_id=root)
role = make_role("web", ca)
issued = [call("POST", f"/v1/pki/issue/{role}", {"common_name": f"h{at}.test", "ttl": "1d"}) for at in range(3)]
call("PATCH", f"/v1/pki/certificates/{issued[2]['certificate_id']}", {"endpoints": ["127.0.0.1:1"]})
pem = call("GET", f"/v1/pki/ca/{root}/certificate")["certificate_pem"]
other_pem = call("GET", f"/v1/pki/ca/{ca}/certificate")["certificate_pem"]
anchors = [
    call("POST", "/v1/pki/trust-anchors", {"name": "a", "certificate_pem": pem})["id"],
    call("POST", "/v1/pki/trust-anchors", {"name": "b", "certificate_pem": other_pem})["id"],
]
provider = {"type": "manual", "config": {}, "zones": ["test"]}
providers = [call("POST", "/v1/pki/dns-providers", {"name": name, **provider})["id"] for name in ("a", "b")]
for path in ("kept", "deleted"):
    call("PUT", f"/v1/secrets/{path}", {"data": {"a": "b"}})
approved = make_csr("approved.test")
call("POST", f"/v1/pki/csr/{approved}/approve")
token = call("POST", "/v1/tokens", {"name": "other", "scopes": ["pki:read"]})["id"]
call("POST", f"/v1/pki/ca/{ca}/crl")
discovery = call("POST", "/v1/pki/discover", {"targets": ["127.0.0.1:1"]})["id"]
webhook = {"url": "https://127.0.0.1:1/", "events": ["ca.revoked"], "is_active": False}
webhooks = [call("POST", "/v1/webhooks", {"name": name, **webhook})["id"] for name in ("a", "b")]
job = call("GET", "/v1/jobs")["jobs"][0]["id"]

# The pattern of a path, or the id of an operation, with its parameters. The last one that fits counts.
PATHS = {
    "^/v1/pki/ca/": {"id": ca},
    "^/v1/pki/roles/": {"name": role},
    "^/v1/pki/(issue|sign)/": {"role": role},
    "^/v1/pki/certificates/.id.": {"id": issued[0]["certificate_id"]},
    "^/v1/pki/csr/.id.": {"id": make_csr("pending.test")},
    "^/v1/pki/trust-anchors/": {"id": anchors[0]},
    "^/v1/pki/dns-providers/.id.": {"id": providers[0]},
    "^/v1/secrets/": {"path": "kept"},
    "^/v1/tokens/": {"id": token},
    "^/v1/jobs/": {"id": job},
    "^/v1/pki/discover/": {"id": discovery},
    "^/v1/webhooks/.id.": {"id": webhooks[0]},
    "^/pub/ocsp/": {"ca_id": ca},
    "^/pub/ca/": {"file": f"{ca}.crt"},
    "^/pub/crl/": {"file": f"{ca}.crl"},
}
OPERATIONS = {
    "revokeCa": {"id": make_ca("Revoked")},
    "setCaCertificate": {"id": make_ca("Waiting", ca_type="intermediate", external=True)},
    "deleteRole": {"name": make_role("deleted", ca)},
    "checkCertificateEndpoints": {"id": issued[2]["certificate_id"]},
    "renewCertificate": {"id": issued[1]["certificate_id"]},
    "rejectCsr": {"id": make_csr("rejected.test")},
    "signCsr": {"id": approved},
    "deleteCsr": {"id": make_csr("deleted.test")},
    "deleteTrustAnchor": {"id": anchors[1]},
    "deleteDnsProvider": {"id": providers[1]},
    "deleteSecret": {"path": "deleted"},
    "deleteWebhook": {"id": webhooks[1]},
}

hooks = pathlib.Path(__file__).resolve().with_name("hooks.py")
print(f"hooks = {json.dumps(str(hooks))}\n")
for key, entries in (("include-path-regex", PATHS), ("include-operation-id", OPERATIONS)):
    for what, parameters in entries.items():
        inner = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in parameters.items())
        print(f"[[operations]]\n{key} = {json.dumps(what)}\nparameters = {{ {inner} }}\n")
