"""One order at an ACME server by a generated client: an account, an order, its certificate."""

import os
import uuid

from certmill_client import AuthenticatedClient
from certmill_client.api.acme import create_acme_account, create_acme_order, deactivate_acme_account
from certmill_client.api.certificates import get_certificate
from certmill_client.models import AcmeAccount, AcmeOrder, CertificateDetail, OrderRequest, RegisterAccountRequest

client = AuthenticatedClient(base_url=os.environ["CERTMILL_URL"], token=os.environ["CERTMILL_TOKEN"])
account = create_acme_account.sync(
    client=client,
    body=RegisterAccountRequest(
        name=f"python-{uuid.uuid4().hex[:8]}",
        provider="custom",
        directory_url=os.environ["CERTMILL_ACME_DIRECTORY"],
        terms_of_service_agreed=True,
    ),
)
assert isinstance(account, AcmeAccount) and account.status == "valid", account
# The server looks for the answer to its challenge at this machine. Other programs have ordered for the same name.
order = create_acme_order.sync(
    client=client,
    wait="30s",
    body=OrderRequest(account_id=account.id, domains=["127.0.0.1"], challenge_type="http-01", auto_renew=False, force=True),
)
assert isinstance(order, AcmeOrder) and order.status == "valid" and order.certificate_id, order
certificate = get_certificate.sync(order.certificate_id, client=client)
assert isinstance(certificate, CertificateDetail) and certificate.source == "acme", certificate
assert certificate.sans.ip == ["127.0.0.1"], certificate
gone = deactivate_acme_account.sync_detailed(account.id, client=client)
assert gone.status_code == 204, gone
print(f"python: the order {order.id} is {order.status}")
