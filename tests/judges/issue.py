"""Has a service issue one of everything, and writes it for the judges: `issue.py FOLDER`, with CERTMILL_URL and CERTMILL_TOKEN.

Each case is a folder: leaf.pem, issuer.pem, root.pem, the CRLs of both CAs, the OCSP answer about the leaf, the certificate in it
(responder.pem) where a delegated responder has signed it, and in `status` whether the leaf is good or revoked.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

BASE = os.environ["CERTMILL_URL"].rstrip("/")
TOKEN = os.environ["CERTMILL_TOKEN"].strip()
FOLDER = pathlib.Path(sys.argv[1])


def send(method: str, path: str, body: object = None, accept: str = "application/json") -> bytes:
    octets = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    kind = "application/ocsp-request" if isinstance(body, bytes) else "application/json"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind, "Accept": accept}
    request = urllib.request.Request(BASE + path, data=octets, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")


def call(method: str, path: str, body: object = None) -> dict:
    return json.loads(send(method, path, body))


def make_ca(name: str, **more: object) -> dict:
    wish = {"name": name, "common_name": f"{name} CA", "organization": "Example", "country": "NL", "ocsp": True, **more}
    made = call("POST", "/v1/pki/ca", wish)
    return {"id": made["id"], "signer": made["ocsp_signer"], "pem": call("GET", f"/v1/pki/ca/{made['id']}/certificate")["certificate_pem"]}


def run(*command: str, folder: pathlib.Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")


def shard(leaf: str) -> str:
    """The query for the CRL that a certificate names: that of its shard, or the full one."""
    command = ["openssl", "x509", "-noout", "-ext", "crlDistributionPoints"]
    named = subprocess.run(command, input=leaf, capture_output=True, text=True).stdout
    found = re.search(r"/ca_[0-9A-Z]+-([0-9]+)\.crl", named)
    return f"?shard={found[1]}" if found else ""


def delta(ca: str, part: str) -> bytes:
    """The delta CRL to the list of a shard, which comes a moment after it."""
    address = f"{BASE}/v1/pki/ca/{ca}/crl{part}{'&' if part else '?'}delta=true"
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/pkix-crl"}
    for _ in range(100):
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise
            time.sleep(0.2)
    sys.exit(f"{address}: it does not come")


def await_responder(ca: str) -> None:
    """Waits until a CA's responder has its certificate, which the audit log tells."""
    for _ in range(150):
        if call("GET", f"/v1/audit/logs?action=ca.ocsp_signer&object={ca}")["logs"]:
            return
        time.sleep(0.2)
    sys.exit(f"{ca}: its OCSP responder gets no certificate")


def write(case: str, root: dict, issuer: dict, leaf: str, status: str) -> None:
    folder = FOLDER / case
    folder.mkdir(parents=True)
    for name, text in (("leaf.pem", leaf), ("issuer.pem", issuer["pem"]), ("root.pem", root["pem"]), ("status", status)):
        (folder / name).write_text(text)
    for name, ca, part in (("issuer", issuer, shard(leaf)), ("root", root, "")):
        (folder / f"{name}.crl").write_bytes(send("GET", f"/v1/pki/ca/{ca['id']}/crl{part}", accept="application/pkix-crl"))
    if issuer.get("has_deltas"):
        (folder / "issuer.delta.crl").write_bytes(delta(issuer["id"], shard(leaf)))
    run("openssl", "ocsp", "-issuer", "issuer.pem", "-cert", "leaf.pem", "-no_nonce", "-reqout", "request.der", folder=folder)
    request = (folder / "request.der").read_bytes()
    answer = send("POST", f"/pub/ocsp/{issuer['id']}", request, accept="*/*")
    (folder / "leaf.ocsp").write_bytes(answer)
    if issuer.get("signer") == "delegated":
        # The answer has the certificate of who has signed it.
        shown = subprocess.run(["openssl", "ocsp", "-respin", "leaf.ocsp", "-noverify", "-resp_text"], cwd=folder, capture_output=True, text=True)
        found = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", shown.stdout, re.DOTALL)
        if not found:
            sys.exit(f"{case}: the answer has no certificate of a responder")
        (folder / "responder.pem").write_text(found[0])


# What is issued, beside a server's certificate with a P-256 key below a CA with each kind of key.
LEAVES = {
    "server": ({}, {"common_name": "www.example.internal", "alt_names": ["*.example.internal"]}),
    "client": ({"server_flag": False, "allow_email_sans": True}, {"common_name": "a@example.org", "alt_names": ["a@example.org"]}),
    "nameless": ({"require_cn": False}, {"alt_names": ["a.example.internal", "b.example.internal"]}),
    "address": ({"require_cn": False}, {"ip_sans": ["10.0.0.1", "2001:db8::1"]}),
    "spiffe": (
        {"require_cn": False, "allowed_uri_sans": ["spiffe://example.org/*"]},
        {"uri_sans": ["spiffe://example.org/a/b"]},
    ),
    "subject": (
        {"organization": ["Sm\u00efth, Inc."], "organizational_unit": ["A"], "country": ["NL"], "locality": ["Oss"], "province": ["NB"]},
        {"common_name": "o.example.internal"},
    ),
    "timestamping": (
        {"server_flag": False, "client_flag": False, "ext_key_usage": ["timeStamping"], "key_usage": ["digitalSignature"]},
        {"common_name": "time.example.internal"},
    ),
    "code": (
        {"server_flag": False, "client_flag": False, "ext_key_usage": ["codeSigning"], "key_usage": ["digitalSignature"]},
        {"common_name": "code.example.internal"},
    ),
    "other": (
        {"allowed_other_sans": ["1.3.6.1.4.1.311.20.2.3;UTF8:*"], "server_flag": False},
        {"common_name": "ann.example.internal", "other_sans": ["1.3.6.1.4.1.311.20.2.3;UTF8:ann@example.internal"]},
    ),
    "policies": (
        {"policy_identifiers": ["1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"], "must_staple": True},
        {"common_name": "staple.example.internal"},
    ),
    "rsa": ({"key_type": "rsa", "key_bits": 2048}, {"common_name": "rsa.example.internal"}),
    "ed25519": ({"key_type": "ed25519"}, {"common_name": "ed.example.internal"}),
    "p384": ({"key_bits": 384}, {"common_name": "p384.example.internal"}),
}
KEYS = [("rsa", 2048), ("rsa", 4096), ("ec", 256), ("ec", 384), ("ec", 521), ("ed25519", 256)]


def issue(case: str, root: dict, issuer: dict, role: dict, wish: dict, reason: str = "") -> None:
    common = {"name": case, "ca_id": issuer["id"], "allow_any_name": True, "key_type": "ec"}
    call("POST", "/v1/pki/roles", {**common, **role})
    issued = call("POST", f"/v1/pki/issue/{case}", wish)
    if reason:
        since = "2026-01-01T00:00:00Z" if reason == "keyCompromise" else None
        wish = {"serial_number": issued["serial_number"], "reason": reason}
        call("POST", "/v1/pki/revoke", {**wish, **({"invalidity_date": since} if since else {})})
        call("POST", f"/v1/pki/ca/{issuer['id']}/crl")
    write(case, root, issuer, issued["certificate"], "revoked" if reason else "good")


pairs = []
for kind, size in KEYS:
    key = {"key_type": kind, "key_size": size}
    name = f"{kind}{size}"
    root = make_ca(f"root-{name}", ca_type="root", **key)
    below = {"ca_type": "intermediate", "parent_ca_id": root["id"], **key}
    pairs.append((name, root, make_ca(f"issuing-{name}", max_path_length=0, permitted_dns_domains=["example.internal"], **below)))
    pairs[-1] += (make_ca(f"free-{name}", **below),)
for name, root, narrow, free in pairs:
    issue(f"{name}-good", root, narrow, *LEAVES["server"])
    issue(f"{name}-revoked", root, free, *LEAVES["server"], reason="keyCompromise")
_, root, _, free = pairs[2]
for name, (role, wish) in LEAVES.items():
    issue(f"leaf-{name}", root, free, role, wish)
# CAs that sign by RSASSA-PSS.
for size in (2048, 4096):
    key = {"key_type": "rsa", "key_size": size, "use_pss": True}
    pss = make_ca(f"root-pss{size}", ca_type="root", **key)
    below = make_ca(f"issuing-pss{size}", ca_type="intermediate", parent_ca_id=pss["id"], **key)
    issue(f"pss{size}-good", pss, below, *LEAVES["server"])
    issue(f"pss{size}-revoked", pss, below, *LEAVES["server"], reason="superseded")
for reason in ("unspecified", "certificateHold", "cessationOfOperation"):
    issue(f"reason-{reason}", root, free, *LEAVES["server"], reason=reason)

# Answers of delegated responders.
for kind, size, more in [(kind, size, {}) for kind, size in KEYS] + [("rsa", 2048, {"use_pss": True})]:
    key = {"key_type": kind, "key_size": size, **more}
    name = f"delegated-{kind}{size}{'-pss' if more else ''}"
    top = make_ca(f"root-{name}", ca_type="root", **key)
    below = make_ca(f"issuing-{name}", ca_type="intermediate", parent_ca_id=top["id"], ocsp_signer="delegated", **key)
    await_responder(below["id"])
    issue(f"{name}-good", top, below, *LEAVES["server"])
    issue(f"{name}-revoked", top, below, *LEAVES["server"], reason="superseded")

# CRLs that are divided.
divided = make_ca("divided", ca_type="intermediate", parent_ca_id=root["id"], key_type="ec", crl_shards=3, delta_crl_validity="1h")
divided["has_deltas"] = True
for number in range(4):
    issue(f"shard-good-{number}", root, divided, *LEAVES["server"])
    issue(f"shard-revoked-{number}", root, divided, *LEAVES["server"], reason="superseded")
# CAs with a second certificate for the same key: what was issued before is good by the new ones.
again = {"key_type": "ec"}
first = make_ca("root-again", ca_type="root", **again)
second = make_ca("issuing-again", ca_type="intermediate", parent_ca_id=first["id"], validity_days=90, **again)
call("POST", "/v1/pki/roles", {"name": "again", "ca_id": second["id"], "allow_any_name": True, "key_type": "ec"})
before = call("POST", "/v1/pki/issue/again", {"common_name": "again.example.internal"})
for ca in (first, second):
    call("POST", f"/v1/pki/ca/{ca['id']}/reissue")
    ca["pem"] = call("GET", f"/v1/pki/ca/{ca['id']}/certificate")["certificate_pem"]
write("again-before", first, second, before["certificate"], "good")
after = call("POST", "/v1/pki/issue/again", {"common_name": "again.example.internal"})
write("again-after", first, second, after["certificate"], "good")

# A CA that is signed elsewhere, and a certificate that was signed for a CSR of openssl's.
elsewhere = FOLDER / "elsewhere"
elsewhere.mkdir(parents=True)
wish = {"name": "external", "common_name": "External CA", "ca_type": "intermediate", "external": True, "key_type": "ec", "ocsp": True}
external = call("POST", "/v1/pki/ca", wish)
(elsewhere / "ca.csr").write_text(external["csr_pem"])
new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
run("openssl", "req", "-x509", *new, "-subj", "/O=Theirs/CN=Root", "-days", "3650", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    "-keyout", "root.key", "-out", "root.pem", folder=elsewhere)
(elsewhere / "extensions").write_text(
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
    "authorityKeyIdentifier=keyid\n"
)
run("openssl", "x509", "-req", "-in", "ca.csr", "-CA", "root.pem", "-CAkey", "root.key", "-days", "900", "-extfile", "extensions",
    "-out", "ca.pem", folder=elsewhere)
root_pem, ca_pem = (elsewhere / "root.pem").read_text(), (elsewhere / "ca.pem").read_text()
call("POST", f"/v1/pki/ca/{external['id']}/certificate", {"certificate_pem": ca_pem, "chain_pem": root_pem})
imported = call("POST", "/v1/pki/ca/import", {
    "name": "moved", "certificate_pem": root_pem, "private_key_pem": (elsewhere / "root.key").read_text(), "ocsp": True,
})
for file in elsewhere.iterdir():
    file.unlink()
elsewhere.rmdir()
issue("external", {"id": imported["id"], "pem": root_pem}, {"id": external["id"], "pem": ca_pem}, *LEAVES["server"])
