"""The main job of certmill by a generated client: CAs, a role, certificates, search, revocation, a CRL, a refusal."""

import os
import uuid

from certmill_client import AuthenticatedClient
from certmill_client.api.certificate_authorities import create_ca, get_crl
from certmill_client.api.certificates import issue_certificate, list_certificates, revoke_certificate
from certmill_client.api.pki_roles import create_role
from certmill_client.models import (
    CertificateAuthority,
    CertificateList,
    CreateCaRequest,
    CreateRoleRequest,
    ErrorBody,
    IssueCertificateRequest,
    IssuedCertificate,
    RevokeCertificateRequest,
    RevokedCertificate,
    Role,
)
from certmill_client.types import UNSET, File

client = AuthenticatedClient(base_url=os.environ["CERTMILL_URL"], token=os.environ["CERTMILL_TOKEN"])
run = f"python-{uuid.uuid4().hex[:8]}"

root = create_ca.sync(
    client=client,
    body=CreateCaRequest(name=f"{run}-root", common_name="Python Root", ca_type="root", key_type="ec"),
)
assert isinstance(root, CertificateAuthority) and root.parent_ca_id is None, root
wish = CreateCaRequest(name=run, common_name="Python CA", ca_type="intermediate", parent_ca_id=root.id, key_type="ec")
ca = create_ca.sync(client=client, body=wish)
assert isinstance(ca, CertificateAuthority) and ca.status == "active", ca
role = create_role.sync(
    client=client,
    body=CreateRoleRequest(name=run, ca_id=ca.id, allowed_domains=[f"{run}.test"], allow_subdomains=True, key_type="ec"),
)
assert isinstance(role, Role) and role.key_type == "ec", role
for host in ("a", "b", "c"):
    issued = issue_certificate.sync(run, client=client, body=IssueCertificateRequest(common_name=f"{host}.{run}.test", ttl="1h"))
    assert isinstance(issued, IssuedCertificate), issued
found, cursor = [], None
while True:
    page = list_certificates.sync(client=client, ca_id=ca.id, san=f"*.{run}.test", limit=2, cursor=cursor or UNSET)
    assert isinstance(page, CertificateList), page
    found += page.certificates
    if not isinstance(page.cursor, str):
        break
    cursor = page.cursor
assert [it.common_name for it in found] == [f"{host}.{run}.test" for host in ("c", "b", "a")], found
revocation = RevokeCertificateRequest(serial_number=found[0].serial_number, reason="superseded")
for _ in range(2):
    revoked = revoke_certificate.sync(client=client, body=revocation, idempotency_key=run)
    assert isinstance(revoked, RevokedCertificate) and revoked.reason == "superseded", revoked
crl = get_crl.sync(ca.id, client=client)
assert isinstance(crl, File) and crl.payload.read(1) == b"\x30", crl
refused = issue_certificate.sync(run, client=client, body=IssueCertificateRequest(common_name="www.example.com"))
assert isinstance(refused, ErrorBody) and refused.error.code == "role_violation", refused
print(f"python: {len(found)} certificates, refused with {refused.error.code}")
